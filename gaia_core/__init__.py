"""GAIA: zero-shot talking avatars in two stages.

One photo and speech become a video. Stage 1 (`renderer`) splits a frame into appearance and motion;
stage 2 (`motion`) generates motion from speech and the portrait; they share `latent`.
`pipeline.Gaia` assembles them.

Shape legend, used in every docstring:
    B batch, T frames at 25 a second, C H W image, K landmarks (478), D motion latent,
    F speech feature. Images are RGB; arrays uint8 (H, W, C), tensors float in [0, 1] (C, H, W).
    Landmarks inside a crop are in crop units: x right and y down in [0, 1], z in the scale of x.
"""

import os

# Threads that wait for each other spin only briefly (the default is 300 times as long), since they
# take the core from those they wait for: beside another busy program everything was ten times
# slower. OpenMP reads it when torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

FPS = 25
SAMPLE_RATE = 16_000
# Maximal seconds of a video in the studio, and of a recording on the command line.
MAX_SECONDS, MAX_RECORDING = 120.0, 3600.0

__version__ = "0.1.0"
