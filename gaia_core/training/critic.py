"""A discriminator on perceptual features, as an adversarial loss.

It reads features of a frozen network (Sauer et al. 2021, "Projected GANs"), those of the
perceptual loss; a discriminator on pixels did not train within hours on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

WIDTH = 64
FEATURES = (16, 24, 40)  # channels of its input features at strides 2, 4 and 8

Maker = TypeVar("Maker", bound=nn.Module)


class Critic(nn.Module):
    """A patch discriminator on `PerceptualFeatures` at three depths."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width + 1, WIDTH, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(WIDTH, 1, 1),
            )
            for width in FEATURES
        )

    def forward(self, features: list[Tensor], region: Tensor) -> list[Tensor]:
        """Features, (B, 1, H, W) -> (B, 1, h, w) at each depth, higher where it looks real"""
        scores = []
        for head, x in zip(self.heads, features, strict=False):
            where = F.adaptive_avg_pool2d(region, (x.shape[-2], x.shape[-1]))
            # Features have length 1, which is little for each of many channels.
            scores.append(head(torch.cat([x * x.shape[1] ** 0.5, where], 1)).float())
        return scores


class Contest(nn.Module, Generic[Maker]):
    """A generator and its critic, trained in one step."""

    def __init__(self, maker: Maker) -> None:
        super().__init__()
        self.maker, self.critic = maker, Critic()

    def losses(
        self, made: list[Tensor], real: list[Tensor], region: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Hinge losses of the generator and of the critic: 0 and 2 at chance level.

        Args:
            made: features of generated images.
            real: of the real ones.
            region: (B, 1, H, W) in [0, 1], weight of each place.
        """
        frozen = {name: value.detach() for name, value in self.critic.named_parameters()}
        adversarial = _inside(
            functional_call(self.critic, frozen, (made, region)), region, torch.neg
        )
        of_made = self.critic([x.detach() for x in made], region)
        critic_loss = _inside(of_made, region, lambda score: F.relu(1 + score))
        critic_loss = critic_loss + _inside(
            self.critic(real, region), region, lambda score: F.relu(1 - score)
        )
        return adversarial, critic_loss


def _inside(scores: list[Tensor], region: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """Mean loss of the scores within the region, over all depths."""
    terms = []
    for score in scores:
        share = F.adaptive_max_pool2d(region, (score.shape[-2], score.shape[-1]))
        terms.append((loss(score) * share).sum() / share.sum())
    return torch.stack(terms).mean()
