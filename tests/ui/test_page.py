"""The page as visitors use it, in Chromium: no console error and no foreign request anywhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_engine import NO_FACE, NOTICE, Studio

from ui.text import say

pytest.importorskip("playwright")

from playwright.sync_api import Browser, Locator, Page, expect

SLOW = 15_000  # milliseconds; a busy machine
expect.set_options(timeout=SLOW)


@pytest.fixture
def opened(browser: Browser, studio: Studio) -> Iterator[Callable[..., Page]]:
    """Opens the studio in a session of its own; afterwards nothing may have gone wrong."""
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

    def open_page(width: int = 1280, height: int = 860, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        context.set_default_timeout(SLOW)
        page = context.new_page()
        watch(page)
        page.goto(studio.url)
        expect(button(page, "Generate")).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def generate(page: Page) -> None:
    button(page, "Generate").click()


def shown(page: Page) -> Locator:
    video = page.locator("#video video")
    expect(video).to_be_visible()
    return video


def test_one_click_makes_a_video(opened, studio: Studio):
    page = opened()
    studio.engine.pause = 0.05
    generate(page)
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text(say("stage.frames"))).to_be_visible()
    expect(page.get_by_alt_text(say("result.preview"))).to_be_visible()
    video = shown(page)
    page.wait_for_function("document.querySelector('#video video').duration > 0")
    assert video.evaluate("v => v.duration") == pytest.approx(1.0, abs=0.05)
    assert video.evaluate("v => v.videoWidth") == 512
    seed = str(studio.engine.requests[0].seed)
    expect(page.locator("#facts")).to_contain_text(seed)
    expect(page.get_by_text(NOTICE)).to_be_visible()
    page.locator("#recipe-details .label-wrap").click()
    with page.expect_download() as download:
        button(page, say("recipe.download")).click()
    assert f'"seed": {seed}' in Path(download.value.path()).read_text()


def test_the_seed_can_be_kept(opened, studio: Studio):
    page = opened()
    generate(page)
    shown(page)
    page.locator("#settings .label-wrap").click()
    page.get_by_label(say("random.label")).uncheck()
    generate(page)
    expect(page.locator("#video")).to_be_hidden()
    shown(page)
    first, second = (request.seed for request in studio.engine.requests)
    assert first == second


def test_stop_really_stops(opened, studio: Studio):
    before = studio.folders()
    studio.engine.frames, studio.engine.pause = 500, 0.02
    page = opened()
    generate(page)
    expect(page.get_by_text(say("stage.frames"))).to_be_visible()
    button(page, "Stop").click()
    expect(page.get_by_text(say("result.stopped"))).to_be_visible()
    expect(button(page, "Generate")).to_be_visible()
    end = time.monotonic() + 3
    while studio.engine.closed_early < 1 and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert studio.engine.closed_early == 1
    page.wait_for_timeout(200)
    expect(page.get_by_text(say("result.stopped"))).to_be_visible()
    assert studio.folders() == before


def test_bad_input_is_said_and_nothing_typed_is_lost(opened, studio: Studio):
    page = opened()
    page.locator("#text textarea").fill("My own words.")
    page.get_by_role("radio", name=say("speech.upload")).check()
    expect(page.locator("#text")).to_be_hidden()
    generate(page)
    expect(page.get_by_text(say("error.upload"))).to_be_visible()
    expect(page.get_by_text(say("result.failed"))).to_be_visible()
    page.get_by_role("radio", name=say("speech.text")).check()
    expect(page.locator("#text textarea")).to_have_value("My own words.")
    generate(page)
    video = shown(page).get_attribute("src")
    assert studio.engine.requests[0].text == "My own words."

    page.locator("#text textarea").fill("")
    generate(page)
    expect(page.get_by_text(say("error.text"))).to_be_visible()
    assert shown(page).get_attribute("src") == video, "the last take is still there"


def test_a_photo_of_ones_own(opened, studio: Studio, photos: dict[str, Path]):
    page = opened()
    label = page.get_by_label(say("label.label"))
    page.locator("#settings .label-wrap").click()
    expect(label).to_be_disabled()

    page.locator("#portrait-upload + input, #portrait-rail input").first.set_input_files(
        photos["faceless"]
    )
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile("faceless"))
    generate(page)
    expect(page.get_by_text(say("error.consent"))).to_be_visible()

    page.get_by_label(say("consent.label")).check()
    expect(label).to_be_enabled()
    generate(page)
    expect(page.get_by_text(NO_FACE)).to_be_visible()

    label.uncheck()
    page.get_by_label(say("consent.label")).uncheck()
    expect(label).to_be_disabled()
    expect(label).to_be_checked()


def test_examples_are_a_click_away(opened, studio: Studio):
    page = opened()
    page.get_by_role("button", name="Hopper").click()
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile("hopper"))
    page.get_by_role("radio", name=say("speech.upload")).check()
    page.get_by_role("button", name="big blue boat").click()
    expect(page.locator("#upload").get_by_role("button", name="Play", exact=True)).to_be_visible()
    generate(page)
    shown(page)
    request = studio.engine.requests[0]
    assert request.portrait.name == "hopper.jpg" and request.speech.name == "boat.wav"


def test_the_keyboard_is_enough(opened, studio: Studio):
    page = opened()
    page.locator("#text textarea").focus()
    page.keyboard.type("Typed. ")
    button(page, "Generate").focus()
    page.keyboard.press("Enter")
    shown(page)


def test_visitors_do_not_see_each_other(opened, studio: Studio):
    one, other = opened(), opened()
    one.locator("#text textarea").fill("Only mine.")
    generate(one)
    first = shown(one).get_attribute("src")
    expect(other.get_by_text(say("result.empty"))).to_be_visible()
    generate(other)
    second = shown(other).get_attribute("src")
    assert first != second
    assert "Only mine." not in other.content() and first not in other.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(opened, scheme: str):
    page = opened(390, 844, scheme)
    overhang = """() => [...document.querySelectorAll('.gradio-container *')]
        .filter(e => e.getBoundingClientRect().right > 391 && e.offsetParent !== null)
        .map(e => e.id || e.className)"""
    generate(page)
    shown(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(overhang) == []
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_text("non-commercial research only")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
