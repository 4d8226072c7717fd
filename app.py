"""The GAIA studio: load the engine, build the page, serve it."""

import spaces  # noqa: F401  # isort: skip  # before torch, as ZeroGPU asks

import sys

import gradio as gr

from gaia_core.assets import MORE_WEIGHTS, WEIGHTS
from gaia_core.errors import InputError
from gaia_core.pipeline import Gaia
from ui.run.zero_gpu import on_zero_gpu
from ui.studio import LAUNCH_KWARGS, address, build_studio

try:
    if gr.NO_RELOAD:  # `gradio app.py` reloads the page, not the models
        folders = (WEIGHTS, *MORE_WEIGHTS)
        engine, *others = (Gaia.load(folder, gpu=on_zero_gpu) for folder in folders)
    demo = build_studio(engine, others)
except InputError as error:
    sys.exit(str(error))

if __name__ == "__main__":
    demo.launch(**LAUNCH_KWARGS, **address())
