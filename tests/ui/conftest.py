"""One studio over a fake engine for all tests, and a browser where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
from fake_engine import RED, FakeEngine, Studio, until
from PIL import Image

from gaia_core.media.video import VideoWriter
from ui import samples
from ui.run.estimate import Clock
from ui.studio import LAUNCH_KWARGS, build_studio


class FreshClock(Clock):
    """A clock that the fake engine does not change, fast as it is."""

    def update(self, *run: Any) -> None:
        super().update(*run)
        self._factor = 1.0


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(cache))
        # Without the shipped videos, which the result panel shows at the start.
        patch.setattr(samples, "output_of", lambda portrait: None)
        patch.setattr("ui.studio.Clock", FreshClock)
        engine, other = FakeEngine(), FakeEngine(weights=Path("runs/other"))
        page = build_studio(engine, [other])
        _, url, _ = page.launch(**LAUNCH_KWARGS, quiet=True, prevent_thread_lock=True)
        yield Studio(url, engine, other, cache)
        page.close()


@pytest.fixture
def studio(running: Studio) -> Studio:
    """The running studio with a reset engine, after the last test's runs have ended."""
    assert until(lambda: not running.engine.running)
    running.engine.__init__()  # type: ignore[misc]
    running.other.__init__(weights=running.other.weights)  # type: ignore[misc]
    return running


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Photos that are no examples; `FakeEngine` describes their effect."""
    folder = tmp_path_factory.mktemp("photos")
    paths = {}
    for name, level in (("fine", 128), ("faceless", 0), ("crash", 255)):
        paths[name] = folder / f"{name}.png"
        Image.fromarray(np.full((96, 64, 3), level, np.uint8)).save(paths[name])
    group = np.full((90, 160, 3), 150, np.uint8)
    group[0, 0] = RED
    paths["group"] = folder / "group.png"
    Image.fromarray(group).save(paths["group"])
    return paths


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of video without sound."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    with VideoWriter(path, 64, 64, None, {}) as video:
        for level in range(25):
            video.write(np.full((64, 64, 3), 5 * level, np.uint8))
    return path


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's camera sees: grey that gets brighter for a second, again and again."""
    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W160 H120 F25:1 Ip A1:1 C420jpeg\n")
        for frame in range(25):
            file.write(b"FRAME\n" + bytes([40 + 7 * frame]) * 19_200 + bytes([128]) * 9_600)
    return path


@pytest.fixture(scope="session")
def browser(camera: Path) -> Iterator[object]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium is installed")
    from playwright.sync_api import sync_playwright

    args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    # Pages of the address bar, which each new window would render out of sight.
    args += ["--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup"]
    args += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    args += [f"--use-file-for-fake-video-capture={camera}"]
    args += [f"--use-file-for-fake-audio-capture={samples.speeches()[0]}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, studio: Studio) -> Iterator[Callable[..., object]]:
    """Opens the studio in a new session; fails on any error of the page."""
    from playwright.sync_api import Page, expect
    from visitor import SLOW

    wrong: list[str] = []
    contexts = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on(
            "request",
            lambda r: (
                None if r.url.startswith((studio.url, "data:", "blob:")) else wrong.append(r.url)
            ),
        )

    def open_page(
        width: int = 1280,
        height: int = 860,
        locale: str = "en-US",
        touch: bool = False,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            has_touch=touch,
        )
        contexts.append(context)
        context.set_default_timeout(SLOW)
        page = context.new_page()
        watch(page)
        page.goto(studio.url)
        expect(page.locator("#generate")).to_be_visible()
        # The last answer that fills in the page: a photo chosen before it might be replaced.
        expect(page.locator("#face-crops img").first).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong
