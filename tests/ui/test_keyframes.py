"""The timeline's script: its own tests pass, and its curves equal the core's."""

import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gaia_core import FPS
from gaia_core.controls import EASINGS, FADE, Keyframe, curve
from ui.timeline import timeline

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node is installed")
KEYFRAMES = timeline.SCRIPTS[0]

EVALUATE = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(given.tracks.map(({keys, pose}) =>
  Array.from({length: given.frames}, (_, i) =>
    valueAt(keys, pose, i / given.rate, given.frames / given.rate, given)))));
"""


def run(*arguments: str, given: str = "") -> str:
    done = subprocess.run([str(NODE), *arguments], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_scripts_own_tests_pass():
    output = run("--test", *(str(path) for path in Path(__file__).parent.glob("*.test.mjs")))
    assert "pass 0" not in output and "fail 0" in output


def test_curves_on_the_page_are_those_of_the_take():
    draw, frames, tracks, expected = random.Random(0), 50, [], []
    for number in range(200):
        pose = number % 2 == 0
        easings = EASINGS if pose else EASINGS[:-1]  # an expression is never free
        keys = [
            Keyframe(time / FPS, round(draw.uniform(-1, 1), 2), draw.choice(easings))
            for time in sorted(draw.sample(range(frames), draw.randint(1, 5)))
        ]
        expected.append(curve(tuple(keys), frames, None if pose else 0.0))
        tracks.append({"pose": pose, "keys": [vars(key) for key in keys]})
    given = {"tracks": tracks, "frames": frames, "rate": FPS, "frame": 1 / FPS, "fade": FADE}
    output = json.loads(run("-e", KEYFRAMES.read_text("utf-8") + EVALUATE, given=json.dumps(given)))
    found = np.array(output, np.float64)  # null becomes NaN
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)
