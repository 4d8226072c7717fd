"""Lips close where the speech says so, and only the lips."""

import numpy as np
import torch

from gaia_core import closing
from gaia_core import landmarks as mesh
from gaia_core.evaluation import closures
from gaia_core.evaluation.phones import Aligner
from gaia_core.speech import FEATURES, SpeechEncoder


def test_the_readout_fits_the_features():
    assert (len(np.load(closing.READOUT)) - 1) % FEATURES == 0


def test_a_closed_share_closes_the_lips_and_nothing_else(make_autoencoder):
    model = make_autoencoder()
    motion = torch.randn(1, 6, len(model.motion.mean), generator=torch.Generator().manual_seed(0))
    share = torch.tensor([[0, 0, 0.5, 1, 1, 0]])
    closed = closing.close_lips(model.motion, motion, share)
    assert torch.equal(closed[:, share[0] == 0], motion[:, share[0] == 0])
    mouth = model.config.motion.groups["mouth"]
    others = torch.ones(motion.shape[-1], dtype=torch.bool)
    others[mouth] = False
    assert torch.allclose(closed[..., others], motion[..., others])
    before, after = (mesh.lip_aperture(model.decode_landmarks(x))[0] for x in (motion, closed))
    assert (after[3:5] <= before[3:5]).all()


def test_the_readout_knows_a_voice_it_was_not_fitted_on():
    speech = SpeechEncoder.load()
    said = next(closures.spoken(Aligner(), closures.SENTENCES[0]))
    share = closing.closing(speech.encode(said.waveform)[None].float())[0].numpy()
    at = [
        share[round(25 * p.start) : round(25 * p.end) + 1].max()
        for p in said.phones
        if p.name in "PBM"
    ]
    assert np.mean(np.array(at) > 0.5) > 0.8
