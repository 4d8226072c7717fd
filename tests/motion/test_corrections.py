"""Lips close where the speech says so, and only the lips."""

import numpy as np
import pytest
import torch

from gaia_core import landmarks as mesh
from gaia_core.config import MotionCorrections
from gaia_core.evaluation import closures
from gaia_core.motion import corrections
from gaia_core.speech.encoder import SpeechEncoder
from gaia_core.speech.phones import BILABIAL, Aligner

CONSTANTS = MotionCorrections()


def test_a_closed_share_closes_the_lips_and_nothing_else(make_autoencoder):
    model = make_autoencoder()
    motion = torch.randn(1, 6, len(model.motion.mean), generator=torch.Generator().manual_seed(0))
    share = torch.tensor([[0, 0, 0.5, 1, 1, 0]])
    closed = corrections.close_lips(model.motion, motion, share, CONSTANTS.press)
    assert torch.equal(closed[:, share[0] == 0], motion[:, share[0] == 0])
    mouth = model.config.motion.groups["mouth"]
    others = torch.ones(motion.shape[-1], dtype=torch.bool)
    others[mouth] = False
    assert torch.allclose(closed[..., others], motion[..., others])
    before, after = (mesh.lip_aperture(model.decode_landmarks(x))[0] for x in (motion, closed))
    assert (after[3:5] <= before[3:5]).all()


@pytest.fixture(scope="module")
def said() -> list[closures.Utterance]:
    """A sentence full of bilabials by each of the offline voices, which no training has heard."""
    return list(closures.spoken(Aligner(), closures.SENTENCES[0]))


def test_lips_close_on_bilabials_and_on_nothing_else(said):
    encoder = SpeechEncoder.load()
    for utterance in said:
        features = encoder.encode(utterance.waveform)[None].float()
        share = corrections.closing(features, CONSTANTS)[0].numpy()
        near = np.zeros(len(share), bool)  # frames that a bilabial touches, and their neighbours
        hits = []
        for phone in utterance.phones:
            if phone.name in BILABIAL:
                frames = slice(max(0, round(25 * phone.start) - 2), round(25 * phone.end) + 3)
                near[frames] = True
                hits.append(share[frames].max() > 0.5)
        assert np.mean(hits) > 0.9, utterance.kind
        assert np.mean(share[~near] > 0.5) < 0.02, utterance.kind
