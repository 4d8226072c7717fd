"""A run under ZeroGPU's own decorator, with a stub of its scheduler.

A program whose argument is the scheduler's answer, "grants" or "refuses". It prints JSON: the
results, the requested seconds, and whether they came from another process. Only CUDA is left out;
scheduling, forking and pickling are those of the package `spaces`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from urllib.parse import parse_qs, urlparse

ANSWERS = {
    "grants": (200, {"idle": False, "nvidiaIndex": 0, "nvidiaUUID": "0", "allowToken": "0"}),
    "refuses": (429, {"left": 3, "wait": 60}),
}
requested: list[int] = []


class Lender(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        url = urlparse(self.path)
        status, body = 200, b""
        if url.path == "/schedule":
            requested.append(int(parse_qs(url.query)["durationSeconds"][0]))
            status, answer = ANSWERS[sys.argv[1]]
            body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


def without_cuda() -> ModuleType:
    """A stub of the module that prepares torch for CUDA."""
    module = ModuleType("spaces.zero.torch")
    for name in ("patch", "unpatch", "init", "move", "enter_mode"):
        setattr(module, name, lambda *_, **__: None)
    module.is_in_bad_fork = lambda: False
    module.pack = module.size = lambda: 0
    return module


def main() -> None:
    service = ThreadingHTTPServer(("127.0.0.1", 0), Lender)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    os.environ["SPACES_ZERO_GPU"] = "1"
    os.environ["SPACES_ZERO_DEVICE_API_URL"] = f"http://127.0.0.1:{service.server_port}"
    sys.modules["spaces.zero.torch"] = without_cuda()

    import numpy as np

    from gaia_core.motion.script import NO_DRIVING, Script
    from gaia_core.render import NoGpu, Plan, SampledMotion, Step
    from ui.run.zero_gpu import on_zero_gpu

    def render(plan):
        yield Step(1.0)
        yield SampledMotion(np.zeros((2, 3), np.float32), {"yaw": np.zeros(2)})
        yield np.full((2, *plan.portrait.shape), os.getpid() % 251, np.uint8)

    script = Script(250, np.zeros((0, 3), np.float32), NO_DRIVING, 0, 10, 2.0)
    plan = Plan(np.zeros((256, 256, 3), np.uint8), np.zeros((478, 3), np.float32), script)
    came, elsewhere, refusal = [], None, None
    try:
        for step in on_zero_gpu(render)(plan):
            came.append(type(step).__name__)
        elsewhere = int(step.max()) != os.getpid() % 251
    except NoGpu as error:
        refusal = str(error)
    print(
        json.dumps(
            {"came": came, "elsewhere": elsewhere, "refusal": refusal, "requested": requested}
        )
    )


if __name__ == "__main__":
    main()
