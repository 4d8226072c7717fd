"""Stage 2's data: windows of motion with speech, a reference frame, and a mask of given entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import Tensor

from gaia_core.motion.denoiser import Denoiser

# Window lengths and how many of each fill a batch. No padding: a window lies inside its clip.
WINDOWS = ((24, 80), (75, 26), (120, 16))
NO_SPEECH = 0.15  # share of windows that are trained without speech, for guidance
SPEECHLESS_SOURCES = 0.1  # share of batches' windows from clips without sound
REGRESSED = 256  # leading components of speech that motion is regressed on
RIDGE = 0.3  # of the mean of the diagonal
PREFIX = 24  # given frames at the start of a window, as in long clips


class MotionWindows:
    """Endless batches of windows; sources by the square root of their length."""

    def __init__(self, pack: Path, groups: dict[str, slice], fill: float = 1.0) -> None:
        with safe_open(pack, "pt") as file:
            motion, speech = file.get_tensor("motion"), file.get_tensor("speech")
            self.rows = json.loads(file.metadata()["clips"])
        self.motion = motion.split([row["frames"] for row in self.rows])
        self.speech = speech.split([row["speech"] for row in self.rows])
        self.width = speech.shape[1]
        self.groups, self.fill = groups, fill
        self.generator = torch.Generator().manual_seed(0)
        totals: dict[str, float] = {}
        for row in self.rows:
            totals[row["source"]] = totals.get(row["source"], 0) + row["frames"]
        self.weight = torch.tensor(
            [
                row["frames"]
                / totals[row["source"]] ** 0.5
                * (1.0 if row["speech"] else SPEECHLESS_SOURCES)
                for row in self.rows
            ]
        )

    def fit_rest(self) -> tuple[Tensor, Tensor, Tensor]:
        """Least squares from one frame of a clip to the clip's mean, except for the head pose.

        The head stays where the portrait has it.

        Returns:
            weight (D, D), bias (D,), and the standard deviation (D,) of motion about that rest.
        """
        width = self.motion[0].shape[1]
        pose = self.groups["pose"].stop
        weights = (self.weight / torch.tensor([float(len(m)) for m in self.motion])).tolist()
        moments, products = torch.zeros(width + 1, width + 1), torch.zeros(width + 1, width)
        for motion, weight in zip(self.motion, weights, strict=True):
            frames = torch.cat([motion.float(), torch.ones(len(motion), 1)], 1)
            moments += weight * frames.T @ frames
            products += weight * frames.sum(0)[:, None] * motion.float().mean(0)
        # The pose carries no information on the shape beyond its own channels.
        used = torch.cat([torch.arange(pose, width), torch.tensor([width])])
        solution = torch.linalg.solve(moments[used][:, used], products[used])
        weight_map, bias = torch.eye(width), torch.zeros(width)
        weight_map[pose:, pose:], bias[pose:] = solution[:-1, pose:], solution[-1, pose:]
        square, total = torch.zeros(width), 0.0
        for motion, weight in zip(self.motion, weights, strict=True):
            shuffled = motion.float()[torch.randperm(len(motion), generator=self.generator)]
            deviation = motion.float() - (shuffled @ weight_map + bias)
            square += weight * deviation.square().sum(0)
            total += weight * len(motion)
        return weight_map, bias, (square / total).sqrt()

    def speech_components(self, count: int) -> tuple[Tensor, Tensor]:
        """Mean (F,) and leading principal directions (F, count) of the speech features.

        Scaled so that the components have a mean variance of 1.
        """
        features = torch.cat([s.float() for s in self.speech if len(s)])
        mean = features.mean(0)
        torch.manual_seed(0)
        _, spread, basis = torch.pca_lowrank(features - mean, count, center=False, niter=4)
        variance = spread.square().mean() / len(features)
        return mean, basis / variance.sqrt()

    def fit_expectation(self, spread: Tensor, context: int) -> Tensor:
        """Ridge regression of motion on speech, both about their clip's means.

        Args:
            spread: (D,) the unit of motion.
            context: frames of speech on each side.

        Returns:
            (D, F, 2 context + 1) for `Denoiser.regress`.
        """
        _, basis = self.speech_components(min(REGRESSED, self.width))
        taps = 2 * context + 1
        width = basis.shape[1] * taps
        moments, products = torch.zeros(width, width), torch.zeros(width, len(spread))
        for motion, speech, weight in zip(self.motion, self.speech, self.weight, strict=True):
            if not len(speech):
                continue
            frames = (speech.float() @ basis).T
            padded = F.pad(frames[None], (context, context), mode="replicate")[0]
            around = padded.unfold(1, taps, 1).transpose(0, 1).flatten(1)  # (T, C * taps)
            x, y = around - around.mean(0), motion.float() / spread
            moments.addmm_(x.T, x, alpha=float(weight) / len(x))
            products.addmm_(x.T, y - y.mean(0), alpha=float(weight) / len(x))
        ridge = RIDGE * moments.diagonal().mean()
        solution = torch.linalg.solve(moments + ridge * torch.eye(width), products)
        return torch.einsum("fc,ckd->dfk", basis, solution.unflatten(0, (-1, taps)))

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        lengths = torch.tensor([row["frames"] for row in self.rows])
        fitting = [window for window in WINDOWS if window[0] <= lengths.max()]
        while True:
            frames, count = fitting[self._integer(len(fitting))]
            weight = self.weight * (lengths >= frames)
            picked = torch.multinomial(
                weight, round(count * self.fill), True, generator=self.generator
            )
            items = [self._window(int(index), frames) for index in picked]
            yield {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def _integer(self, high: int) -> int:
        return int(torch.randint(high, (), generator=self.generator))

    def _uniform(self) -> float:
        return float(torch.rand((), generator=self.generator))

    def _window(self, index: int, frames: int) -> dict[str, Tensor]:
        motion, speech = self.motion[index], self.speech[index]
        start = self._integer(len(motion) - frames + 1)
        span = slice(start, start + frames)
        has_speech = len(speech) > 0 and self._uniform() > NO_SPEECH
        return {
            "motion": motion[span].float(),
            "speech": speech[span].float() if len(speech) else torch.zeros(frames, self.width),
            "reference": motion[self._integer(len(motion))].float(),
            "given": self._given(frames, motion.shape[1]),
            "has_speech": torch.tensor(has_speech),
        }

    def _given(self, frames: int, width: int) -> Tensor:
        """A random mask (T, D): nothing, the window's start, channel groups, or spans of time."""
        given = torch.zeros(frames, width)
        kind = self._uniform()
        if kind < 0.35:
            return given
        if kind < 0.65:
            given[: min(PREFIX, frames // 3)] = 1
        elif kind < 0.9:
            names = [name for name in self.groups if self._uniform() < 0.4]
            for name in names:
                where = self.groups[name]
                if self._uniform() < 0.5:
                    given[:, where] = 1
                else:  # sparse keyframes
                    given[torch.rand(frames, generator=self.generator) < 0.06, where] = 1
        else:
            given[:] = 1
            first = self._integer(frames - 8)
            given[first : first + 8 + self._integer(frames - first - 7)] = 0
        if given.all():
            given[:, self.groups["mouth"]] = 0
        return given


def denoiser_losses(model: Denoiser, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """A batch of `MotionWindows` -> loss terms."""
    return model.losses(**batch)
