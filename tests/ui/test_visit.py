"""A visit in Chromium: faces, the estimated time, the queue, takes and presets."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from fake_engine import NO_FACE, SOFT, TOO_SMALL, Studio, until
from PIL import Image

from gaia_core.media.image import read_image
from gaia_core.request import Request
from ui.form import presets
from ui.form.voices import SENTENCES
from ui.i18n.chinese import ZH
from ui.i18n.text import say

pytest.importorskip("playwright")

from playwright.sync_api import Page, expect
from visitor import button, generate, shown, tab, write


def upload(page: Page, photo: Path) -> None:
    page.locator("#portrait-rail input").first.set_input_files(photo)
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile(photo.stem))


def test_a_face_is_chosen_by_click_touch_and_keyboard(opened, studio, photos):
    page = opened()
    expect(page.get_by_text(say("face.one"))).to_be_visible()
    upload(page, photos["group"])
    boxes, crops = page.locator("#face-boxes button"), page.locator("#face-crops button")
    expect(boxes).to_have_count(3)
    photo, box = page.locator("#portrait img").bounding_box(), boxes.first.bounding_box()
    assert box["width"] / min(photo["width"], photo["height"] * 16 / 9) == pytest.approx(0.3, 0.05)

    boxes.nth(1).click()
    expect(crops.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text(SOFT)).to_be_visible()
    crops.nth(2).focus()
    page.keyboard.press("Enter")
    expect(boxes.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text(TOO_SMALL)).to_be_visible()
    boxes.nth(1).click()
    expect(page.get_by_text(SOFT)).to_be_visible()

    page.get_by_label(say("consent.label")).check()
    generate(page)
    shown(page)
    assert studio.engine.requests[-1].face == 1

    # Another photo starts at its first face; a recipe restores photo and face.
    page.get_by_role("button", name="Hopper").click()
    expect(page.get_by_text(say("face.one"))).to_be_visible()
    expect(page.locator("#face input")).to_have_value("0")
    page.locator("#history [data-does=apply]").first.click()
    expect(boxes.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#face input")).to_be_hidden()


def test_a_missing_face_is_reported_before_a_run(opened, studio, photos, tmp_path):
    page = opened()
    upload(page, photos["faceless"])
    expect(page.locator("#face-crops").get_by_text(NO_FACE)).to_be_visible()
    expect(page.locator("#estimate")).to_have_text("")
    assert not studio.engine.requests

    # Chromium shows no HEIC; the picture is a copy. Of this one, taken upright, left is the top.
    picture, upright = Image.new("RGB", (96, 64), (128, 128, 128)), Image.Exif()
    picture.paste((20, 60, 160), (48, 0, 96, 64))
    upright[0x0112] = 6
    photo = tmp_path / "50% it's #1 🙂.heic"
    picture.save(photo, "HEIF", exif=upright.tobytes(), quality=90)
    page.locator("#portrait-rail input").first.set_input_files(photo)
    page.wait_for_function(
        "document.querySelector('#portrait img').src.endsWith('.jpg') &&"
        "document.querySelector('#portrait img').naturalHeight === 96"
    )
    expect(page.get_by_text(say("face.one"))).to_be_visible()
    shows = page.evaluate(
        """async () => {
            const picture = await createImageBitmap(document.querySelector("#portrait img"))
            const context = new OffscreenCanvas(64, 96).getContext("2d")
            context.drawImage(picture, 0, 0)
            return [context.getImageData(32, 16, 1, 1), context.getImageData(32, 80, 1, 1)]
                .map((pixel) => [...pixel.data.slice(0, 3)])
        }"""
    )
    assert np.abs(np.subtract(shows, [(128, 128, 128), (20, 60, 160)])).max() < 12
    page.get_by_label(say("consent.label")).check()
    generate(page)
    assert until(lambda: studio.engine.requests)
    used = read_image(studio.engine.requests[-1].portrait)
    assert used.shape == (96, 64, 3)
    assert np.abs(used[[16, 80], 32].astype(int) - shows).max() < 4


def test_what_to_expect_stands_beside_the_button(opened, studio: Studio):
    page = opened()
    note = page.locator("#estimate")
    expect(note).to_contain_text(re.compile(r"About \d+ s on this server's CPU, for 4 s"))
    write(page.locator("#text textarea"), "word " * 100)
    expect(note).to_contain_text("for 36 s of video")
    page.locator("#sentence input").fill("German")
    page.get_by_role("option", name="German").click()
    expect(page.locator("#text textarea")).to_have_value(SENTENCES["de"])
    expect(page.locator("#voice input")).to_have_value(re.compile("^German · Katja"))
    page.locator("#text textarea").fill("")
    expect(note).to_have_text("")
    page.get_by_role("radio", name=say("speech.upload")).check()
    page.get_by_role("button", name="big blue boat").click()
    expect(note).to_contain_text("for 4 s of video")
    tab(page, "edit")
    expect(note).to_have_text("")

    tab(page, "compare")
    note = page.locator("#compare-estimate")
    expect(note).to_contain_text("for 8 s of video")
    page.locator("#variant-c-on input").check()
    expect(note).to_contain_text("for 11 s of video")
    seconds = re.compile(r"About (\d+) s")
    few = int(seconds.search(note.inner_text())[1])
    write(page.locator("#variant-c-steps input, #variant-c-steps textarea"), "100")
    expect(note).not_to_contain_text(f"About {few} s")
    assert int(seconds.search(note.inner_text())[1]) > few


def test_the_place_in_the_queue_is_shown(opened, studio: Studio):
    studio.engine.frames, studio.engine.pause = 400, 0.05
    first, second, third = opened(), opened(), opened()
    generate(first)
    expect(first.get_by_text(say("stage.frames"))).to_be_visible()
    expect(first.locator(".status-percent")).to_contain_text(re.compile("left"))
    for page in (second, third):
        generate(page)
        expect(page.get_by_text(say("result.waiting"))).to_be_visible()
        expect(page.locator(".status-place .status-queue")).to_contain_text("in the queue")
    expect(third.locator(".status-place .status-queue")).to_have_text(
        say("queue.place", number=2, size=2)
    )
    waits = [
        int(re.search(r"\d+", page.locator(".status-ready").inner_text())[0])
        for page in (second, third)
    ]
    assert waits[0] < waits[1], "behind those who came first"
    for page in (third, second, first):
        button(page, "Stop").click()
        expect(page.get_by_text(say("result.stopped"))).to_be_visible()


def make(page: Page, words: str) -> None:
    count = page.locator("#history [data-take]").count()
    write(page.locator("#text textarea"), words)
    generate(page)
    expect(page.locator("#history [data-take]")).to_have_count(count + 1)


def test_a_take_is_reused_and_deleted_for_good(opened, studio: Studio, monkeypatch):
    page = opened()
    for words in ("First.", "Second.", "Third."):
        make(page, words)
    first, second, third = (request.seed for request in studio.engine.requests)
    takes = page.locator("#history [data-take]")
    expect(takes.first.locator("img")).to_be_visible()

    takes.nth(2).locator("[data-does=apply]").click()
    expect(page.locator("#text textarea")).to_have_value("First.")

    # Deleted and had back. A busy machine may take longer than a visitor.
    for module in ("session", "result_view"):
        monkeypatch.setattr(f"ui.takes.{module}.UNDO_SECONDS", 60.0)
    takes.nth(1).locator("[data-does=delete]").click()
    expect(takes).to_have_count(2)
    button(page, say("history.undo")).click()
    expect(takes).to_have_count(3)
    expect(takes.nth(1)).to_contain_text("Second.")
    expect(page.locator("#facts")).to_contain_text(str(second))
    takes.first.locator("[data-does=select]").click()
    expect(page.locator("#facts")).to_contain_text(str(third))

    # All of it is still there after a reload.
    tab(page, "text")
    write(page.locator("#instruction textarea"), "nod")
    page.reload()
    expect(takes).to_have_count(3)
    expect(page.locator("#facts")).to_contain_text(str(third))
    expect(page.get_by_text(say("intro.text"))).to_be_visible()
    expect(page.locator("#instruction textarea")).to_have_value("nod")
    expect(page.locator("#text textarea")).to_have_value("First.")

    # Another than the shown one, which stays.
    monkeypatch.setattr("ui.takes.session.UNDO_SECONDS", 1.0)
    takes.nth(1).locator("[data-does=delete]").click()
    expect(takes).to_have_count(2)
    expect(page.locator("#facts")).to_contain_text(str(third))
    assert until(lambda: len(studio.folders()) == 2)
    assert not studio.files(f"gaia-{second}.mp4")

    # The shown one: the newest replaces it.
    takes.first.locator("[data-does=delete]").click()
    expect(page.locator("#facts")).to_contain_text(str(first))
    expect(takes.first.locator("[data-does=select]")).to_have_attribute("aria-pressed", "true")
    takes.first.locator("[data-does=delete]").click()
    expect(page.get_by_text(say("result.empty"), exact=True)).to_be_visible()
    assert until(lambda: not studio.folders())
    tab(page, "edit")
    expect(page.get_by_text(say("edit.nothing"))).to_be_visible()


def test_presets_stay_in_the_browser(opened, studio: Studio):
    page = opened()

    def unfold() -> None:
        page.locator("#settings .label-wrap").click()
        page.locator("#own-presets .label-wrap").click()
        expect(page.locator("#preset input")).to_be_visible()

    unfold()
    button(page, say("presets.save")).click()
    expect(page.get_by_text(say("error.preset", count=presets.MAX_NAME))).to_be_visible()
    steps = page.locator("#steps input[type=number]")
    write(steps, "17")
    steps.press("Tab")
    page.locator("#preset input").fill("Careful")
    page.locator("#preset input").press("Enter")
    button(page, say("presets.save")).click()
    expect(page.get_by_text(say("presets.saved", name="Careful"))).to_be_visible()

    write(steps, str(Request.steps))
    steps.press("Tab")
    page.reload()
    expect(page.get_by_text(say("face.one"))).to_be_visible()
    unfold()
    expect(steps).to_have_value(str(Request.steps))
    page.locator("#preset input").click()
    page.get_by_role("option", name="Careful").click()
    expect(steps).to_have_value("17")
    held = page.evaluate("JSON.stringify(localStorage)")
    assert "gaia-presets" in held and "Hello! I am made" not in held

    page.locator("#own-presets").get_by_role("button", name=say("presets.delete")).click()
    expect(page.locator("#preset input")).to_have_value("")
    page.locator("#preset input").click()
    expect(page.get_by_role("option", name="Careful")).to_have_count(0)


def test_a_chinese_browser_is_spoken_to_in_chinese(opened, studio: Studio, photos):
    page = opened(locale="zh-CN")
    expect(page.get_by_text(ZH["tagline"])).to_be_visible()
    expect(page.locator("#status")).to_contain_text(ZH["result.empty"])
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    upload(page, photos["group"])
    page.locator("#face-boxes button").nth(1).click()
    expect(page.get_by_text("脸只有 120 像素宽")).to_be_visible()
    expect(page.locator("#estimate")).to_contain_text("约需")
    button(page, ZH["generate"]).click()
    expect(page.get_by_text(ZH["consent.missing"])).to_be_visible()
    page.get_by_label(ZH["consent.label"]).check()
    page.locator("#face-boxes button").nth(2).click()
    button(page, ZH["generate"]).click()
    expect(page.locator(".toast-body")).to_contain_text("像素宽")
    title = page.locator(".toast-title").evaluate("e => getComputedStyle(e, '::before').content")
    assert title == f'"{ZH["error.title"]}"'
    page.locator("#face-boxes button").nth(1).click()
    expect(page.get_by_text("脸只有 120 像素宽")).to_be_visible()
    button(page, ZH["generate"]).click()
    shown(page)
    expect(page.locator("#facts")).to_contain_text(ZH["fact.length"])
    page.get_by_role("tab", name=ZH["tab.pose"], exact=True).click()
    expect(page.locator("#timeline")).to_contain_text(ZH["line.lane"])
    page.get_by_role("tab", name=ZH["tab.about"], exact=True).click()
    expect(page.locator("#about")).to_contain_text("仅限非商业研究")
