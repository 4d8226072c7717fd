"""ZeroGPU: the requested duration, and refusals."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import gradio as gr
import numpy as np
import spaces

from gaia_core import running_time
from gaia_core.render import NoGpu, Plan, Render, SampledMotion, Step


def on_zero_gpu(render: Render) -> Render:
    """`render` on a GPU of ZeroGPU; elsewhere `render` itself.

    Raises:
        NoGpu: when it is run and there is no GPU for this visitor now.
    """
    on_gpu: Render = spaces.GPU(duration=duration)(render)
    if on_gpu is render:
        return render

    def either(plan: Plan) -> Generator[Step | SampledMotion | np.ndarray, None, None]:
        began = False
        try:
            with closing(on_gpu(plan)) as steps:
                for step in steps:
                    began = True
                    yield step
        except gr.Error as error:
            # Quota, queue or a worker that did not start: the titles of ZeroGPU's errors begin so.
            if began or not str(error.title).startswith("ZeroGPU"):
                raise
            raise NoGpu from error

    return either


def duration(plan: Plan) -> int:
    """Seconds of GPU time to request for a plan."""
    script = plan.script
    side = plan.portrait.shape[0]
    return running_time.gpu_seconds(
        running_time.seconds(script.frames, script.spans, script.steps, side, "cuda")
    )
