"""Classification of visemes from speech features, frame by frame.

A viseme is a class of phones that look alike (Fisher 1968).
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gaia_core import assets
from gaia_core.errors import InputError
from gaia_core.speech.encoder import FEATURES

# Weights of `train visemes`, fp16. They depend on the frozen speech encoder alone, so all weights
# of the two stages share them.
WEIGHTS = assets.WEIGHTS / "visemes.safetensors"

# The visemes and their phones: of ARPABET, and of the phonemizers of the training voices; small
# letters also stand for capitals that are not listed.
VISEMES = {
    "silence": "pau sil h# # ssil",
    "bilabial": "p b m em",
    "labiodental": "f v",
    "round": "w u uw uh u1",
    "half_round": "o ow oy ao o1",
    "open": "a a1 aa ae aw ay",
    "neutral": "ah ax axr er",
    "half_open": "e e1 eh ey ih",
    "spread": "i i1 iy ix y j",
    "alveolar": "t d n l t~ d~ n~ nx el en dx",
    "sibilant": "s z ts dz",
    "postalveolar": "sh zh ch jh S Z tS dZ",
    "dental": "th dh",
    "velar": "k g ng h hh hv x q",
    "rhotic": "r rr",
}
NAMES = tuple(VISEMES)


class VisemeReader(nn.Module):
    """Speech features -> logits of the visemes, from a context of 9 frames."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int = FEATURES, width: int = 160, dropout: float = 0.3) -> None:
        super().__init__()
        self.dropout = dropout
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.enter = nn.Linear(features, width)
        self.around = nn.Conv1d(width, width, 5, padding=2)
        self.leave = nn.Conv1d(width, len(NAMES), 5, padding=2)

    def forward(self, speech: Tensor) -> Tensor:
        """(B, T, F) -> (B, T, `len(NAMES)`)"""
        x = (speech - self.mean) / self.deviation
        if self.training:  # drops whole features, against overfitting to the training voices
            x = F.dropout1d(x.transpose(1, 2), self.dropout).transpose(1, 2)
        x = F.gelu(self.enter(x)).transpose(1, 2)
        x = F.gelu(x + self.around(F.dropout(x, 0.2, self.training)))
        return self.leave(F.dropout(x, 0.2, self.training)).transpose(1, 2)


@cache
def shipped_reader() -> VisemeReader:
    """The classifier with its weights, on the CPU.

    Raises:
        InputError: the weights are missing or damaged.
    """
    assets.check(WEIGHTS)
    reader = VisemeReader()
    try:
        reader.load_state_dict({key: value.float() for key, value in load_file(WEIGHTS).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(
            "The weights file {path} is missing or damaged; restore it from the project.",
            path=WEIGHTS,
        ) from error
    return reader.eval().requires_grad_(False)


def likelihood(speech: Tensor, viseme: str) -> Tensor:
    """Likelihood of one of `VISEMES`: speech features (B, T, F) on the CPU -> (B, T) in [0, 1]"""
    return shipped_reader()(speech).softmax(-1)[..., NAMES.index(viseme)]
