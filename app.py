"""The GAIA studio: load the engine, build the page, serve it."""

import spaces  # isort: skip  # before torch: on ZeroGPU it stands in for CUDA until a call

import sys

import gradio as gr

from gaia_core import FPS
from gaia_core.errors import InputError
from gaia_core.pipeline import Gaia, Plan
from ui.studio import LAUNCH_KWARGS, address, build_studio


def gpu_seconds(plan: Plan) -> int:
    """GPU time to ask for: a start, and what a second of video takes, with room to spare."""
    script = plan.script
    sampled = script.frames + sum((span.end - span.start) * FPS for span in script.spans)
    return round(10 + (script.frames * 0.5 + sampled * script.steps / 20) / FPS)


if gr.NO_RELOAD:  # `gradio app.py` reloads the page, not the models
    try:
        engine = Gaia.load(gpu=spaces.GPU(duration=gpu_seconds))
    except InputError as error:
        sys.exit(str(error))

demo = build_studio(engine)

if __name__ == "__main__":
    demo.launch(**LAUNCH_KWARGS, **address())
