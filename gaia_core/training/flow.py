"""Optical flow as a teacher for the offset field.

The gradient of a pixel loss reaches only a pixel or two. The flow from the rendered frame to the
target gives the remaining displacement, which is short, so that the flow need not be accurate for
large ones.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_core.renderer.warp import resize, sample

MARGIN = 0.01  # minimal decrease of a pixel's error by the flow to be used


class FlowTeacher:
    """Dense inverse search flow (Kroeger et al. 2016), one worker a core."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    @torch.no_grad()
    def __call__(
        self, photo: Tensor, frames: Tensor, offset: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Target offsets, and where they are reliable.

        Args:
            photo: (B, 3, H, W) the sampled image.
            frames: (B, 3, S, S) the result.
            offset: (B, 2, s, s) the offset field, in crop units.
            target: (B, 3, S, S).

        Returns:
            offset (B, 2, s, s), trust (B, 1, s, s) in [0, 1].
        """
        side = offset.shape[-1]
        pairs = zip(_grey(frames), _grey(target), strict=True)
        flows = np.stack(list(self._pool.map(_flow, pairs)))
        flow = torch.from_numpy(flows).permute(0, 3, 1, 2).to(offset) / frames.shape[-1]
        flow = resize(flow, side)
        better = sample(offset.float(), flow) + flow
        errors = [
            (sample(photo, x) - resize(target, side)).abs().mean(1, keepdim=True)
            for x in (better, offset)
        ]
        gain = F.avg_pool2d(errors[1] - errors[0], 5, 1, 2)
        return better, (gain / MARGIN).clamp(0, 1)


def _grey(images: Tensor) -> np.ndarray:
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device)
    grey = torch.einsum("bchw,c->bhw", images.float().clamp(0, 1), weights)
    grey8: np.ndarray = (grey * 255).round().byte().cpu().numpy()
    return grey8


def _flow(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """From target to frame, in px: (H, W), (H, W) -> (H, W, 2)"""
    frame, target = pair
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(1)
    flow = np.zeros((*target.shape, 2), np.float32)
    return search.calc(target, frame, flow)
