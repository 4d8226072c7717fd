"""Where a pixel of the target lies in the portrait, told by optical flow: a teacher for offsets.

Loss on pixels only tells the way to a better place when that is a pixel or two away. Flow from the
renderer's own frame to the target sees the whole of what is missing, and only the rest of the
way, so that it need not be good at long ones.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_core.renderer.warp import resize, sample

MARGIN = 0.01  # how much nearer to the target a flowed pixel must come to teach


class FlowTeacher:
    """Dense inverse search flow (Kroeger et al. 2016), one worker a core."""

    def __init__(self, workers: int = 4) -> None:
        cv2.setNumThreads(1)
        self._pool = ThreadPoolExecutor(workers)

    @torch.no_grad()
    def __call__(
        self, photo: Tensor, frames: Tensor, offset: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What offsets should have been, and where that can be trusted.

        Args:
            photo: (B, 3, H, W) what was sampled.
            frames: (B, 3, S, S) what came out.
            offset: (B, 2, s, s) in crop units, by which it was sampled.
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
