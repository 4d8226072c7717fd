"""Lips close where the speech says so, and only the lips."""

import torch

from gaia_core import landmarks as mesh
from gaia_core.config import MotionCorrections
from gaia_core.motion import corrections

CONSTANTS = MotionCorrections()


def test_a_closed_share_closes_the_lips_and_nothing_else(make_autoencoder):
    model = make_autoencoder()
    motion = torch.randn(1, 6, len(model.motion.mean), generator=torch.Generator().manual_seed(0))
    share = torch.tensor([[0, 0, 0.5, 1, 1, 0]])
    closed = corrections.close_lips(model.motion, motion, share)
    assert torch.equal(closed[:, share[0] == 0], motion[:, share[0] == 0])
    mouth = model.config.motion.groups["mouth"]
    others = torch.ones(motion.shape[-1], dtype=torch.bool)
    others[mouth] = False
    assert torch.allclose(closed[..., others], motion[..., others])
    before, after = (mesh.lip_aperture(model.decode_landmarks(x))[0] for x in (motion, closed))
    assert (after[3:5] <= before[3:5]).all()
