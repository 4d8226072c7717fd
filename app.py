"""The GAIA studio: load the engine, build the page, serve it."""

import spaces  # isort: skip  # before torch: on ZeroGPU it stands in for CUDA until a call

import sys

import gradio as gr

from gaia_core import FPS
from gaia_core.errors import InputError
from gaia_core.pipeline import Gaia, Plan
from ui.studio import LAUNCH_KWARGS, address, build_studio


def gpu_seconds(plan: Plan) -> int:
    """GPU time to ask for: a start, and what a second of speech takes, with room to spare."""
    return round(10 + len(plan.speech) / FPS * (0.5 + plan.steps / 20))


if gr.NO_RELOAD:  # `gradio app.py` reloads the page, not the models
    try:
        engine = Gaia.load(gpu=spaces.GPU(duration=gpu_seconds))
    except InputError as error:
        sys.exit(str(error))

demo = build_studio(engine)

if __name__ == "__main__":
    demo.launch(**LAUNCH_KWARGS, **address())
