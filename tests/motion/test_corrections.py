"""Corrections of sampled motion: closing lips and the low-pass."""

import torch

from gaia_core import landmarks as mesh
from gaia_core.config import MotionCorrections
from gaia_core.motion import corrections

CONSTANTS = MotionCorrections()


def test_closing_changes_only_the_lips(make_autoencoder):
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


def test_the_low_pass_removes_jitter_and_keeps_given_frames(gaia, crop_landmarks):
    networks = gaia.networks
    reference = networks.autoencoder.encode_motion(crop_landmarks[None])
    subject = corrections.Subject(
        networks.autoencoder.motion, networks.denoiser, networks.directions, reference
    )
    motion = torch.randn(1, 40, reference.shape[-1], generator=torch.Generator().manual_seed(0))
    given = torch.full_like(motion, torch.nan)
    given[:, :10] = motion[:, :10]  # the end of the window before
    window = corrections.Window(motion, given, None, reference, known=10)
    smooth = corrections.low_pass(window, subject, CONSTANTS).motion
    assert torch.equal(smooth[:, :10], motion[:, :10])
    for group, steadier in {
        "pose": 5.0,
        "brows": 5.0,
        "face": 5.0,
        "eyes": 1.0,
        "mouth": 1.0,
    }.items():
        where = networks.denoiser.groups[group]
        before, after = (
            x[:, 12:, where].diff(n=2, dim=1).square().mean() for x in (motion, smooth)
        )
        assert float(before / after) >= steadier, group
    off = CONSTANTS.without(["low_pass"])
    assert torch.equal(corrections.low_pass(window, subject, off).motion, motion)
