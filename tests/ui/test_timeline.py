"""The timeline: its properties from Python, then the page by keyboard and mouse."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from fake_engine import FakeEngine, Studio

from gaia_core import SAMPLE_RATE
from gaia_core.controls import CHANNELS, PRESETS, Controls, Keyframe, curve
from gaia_core.errors import InputError
from gaia_core.media.audio import write_audio
from ui.i18n.text import LANGUAGES, say
from ui.timeline import timeline

pytest.importorskip("playwright")

from playwright.sync_api import Locator, Page, expect
from visitor import button, generate, shown, still, tab, write

KEY = re.compile(r"(.+), ([\d.]+) s, ([-\d.]+)°?, (\w+)")


# Properties


def test_peaks_say_when_it_is_loud(tmp_path: Path):
    sound = np.zeros(SAMPLE_RATE, np.float32)
    sound[SAMPLE_RATE // 2 :] = 0.25
    write_audio(tmp_path / "sound.wav", sound, SAMPLE_RATE)
    sound = timeline.sound_of(tmp_path / "sound.wav")
    assert sound["seconds"] == 1 and len(sound["peaks"]) == timeline.PEAKS
    assert max(sound["peaks"][:24]) == 0 and min(sound["peaks"][26:]) == 100


def test_each_channel_has_a_lane_and_a_name():
    names = [name for group in timeline.GROUPS.values() for name in group]
    assert sorted(names) == sorted(CHANNELS)
    for table in LANGUAGES.values():
        assert {f"channel.{name}" for name in names} <= table.keys()
        assert {f"trace.{name}" for name in timeline.CURVES} <= table.keys()


def test_no_property_is_taken_for_an_event():
    """Gradio takes every quoted word of the script for the name of an event."""
    part = timeline.component("line", FakeEngine().sketch)
    for name in ("tab", "audio", "reading", "take", "controls"):
        assert not hasattr(part, name)


def test_controls_as_text_are_the_controls():
    given = Controls({**PRESETS["orbit"](4.0).tracks, "smile": (Keyframe(1, 0.5, "hold"),)})
    assert Controls.from_json(json.loads(timeline.to_text(given))) == given
    assert Controls.from_json(json.loads(timeline.to_text(Controls()))) == Controls()


# The page


def keys(page: Page) -> Locator:
    return page.locator(".tl-key")


def read(page: Page, lane: str | None = None) -> list[tuple[float, float, str]]:
    """The keyframes that the page shows: (second, value, easing)."""
    found = []
    for key in keys(page).all():
        name, second, value, easing = KEY.fullmatch(key.get_attribute("aria-label")).groups()
        if lane is None or name == say(f"channel.{lane}"):
            found.append((float(second), float(value), easing))
    return found


def add(page: Page, lane: str) -> Locator:
    """Opens a lane and adds a keyframe at the playhead."""
    page.get_by_label(say("line.lane")).select_option(lane)
    button(page, say("line.add").format(lane=say(f"channel.{lane}"))).click()
    return keys(page).last


def drag(page: Page, what: Locator, right: float, down: float, steps: int = 6) -> None:
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=steps)


def second(page: Page, at: float) -> float:
    """The position of a second on a track, in px."""
    end = float(page.get_by_role("slider", name=say("line.head")).get_attribute("aria-valuemax"))
    width = page.locator(".tl-line.is-ruler .tl-track").bounding_box()["width"]
    side = 22 if page.evaluate("matchMedia('(pointer: coarse)').matches") else 13
    return side + at * (width - 2 * side) / end


def requested(studio: Studio) -> dict:
    return studio.engine.requests[-1].controls.to_json()["tracks"]


def test_the_keyboard_alone_makes_moves_and_copies_keyframes(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    expect(page.get_by_text(say("line.empty"))).to_be_visible()
    page.get_by_label(say("line.lane")).focus()
    page.keyboard.press("ArrowDown")
    expect(button(page, say("line.add").format(lane=say("channel.yaw")))).to_be_focused()
    page.keyboard.press("Enter")
    expect(keys(page)).to_be_focused()
    for press in (*["ArrowUp"] * 3, "Shift+ArrowUp", *["ArrowRight"] * 5, "Shift+ArrowRight"):
        page.keyboard.press(press)
    assert read(page) == [(0.6, 13, "Smooth")]
    page.keyboard.press("Control+c")
    head = page.get_by_role("slider", name=say("line.head"))
    head.focus()
    for press in ("Home", "PageUp", "ArrowRight", "Control+v"):
        page.keyboard.press(press)
    assert read(page) == [(0.6, 13, "Smooth"), (1.04, 13, "Smooth")]
    expect(keys(page).last).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(keys(page)).to_have_count(1)
    expect(keys(page)).to_be_focused()
    page.keyboard.press("Control+y")
    page.keyboard.press("Control+Shift+Z")
    assert read(page) == [(0.6, 13, "Smooth"), (1.04, 12, "Smooth")]
    keys(page).first.focus()
    page.keyboard.press("Delete")
    expect(keys(page)).to_have_count(1)
    expect(keys(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label(say("line.second"), exact=True)).to_be_focused()
    page.keyboard.type("2.345")
    page.keyboard.press("Tab")
    button(page, "Generate").focus()
    page.keyboard.press("Enter")
    shown(page)
    assert requested(studio) == {"yaw": [[2.345, 12, "ease"]]}


def test_presets_and_exact_fields_make_the_request(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    button(page, say("preset.look_left")).click()
    expect(keys(page)).to_have_count(4)
    expect(page.get_by_label(say("at.label"))).to_have_value("1.6")
    button(page, say("preset.nod")).click()
    expect(page.get_by_label(say("at.label"))).to_have_value("3.2")
    add(page, "smile")
    page.get_by_label(say("line.second"), exact=True).fill("2.517")
    page.get_by_label(say("line.value"), exact=True).fill("0.83")
    page.get_by_label(say("line.easing"), exact=True).select_option("hold")
    expect(page.get_by_label(say("line.easing"), exact=True).locator("option")).to_have_count(3)
    page.locator("#strengths .label-wrap").click()
    write(page.get_by_label("number input for " + say("strength.head")), "0.5")
    page.get_by_role("radio", name=say("speech.none")).check()
    write(page.get_by_label(say("seconds.label")), "3")
    generate(page)
    shown(page)
    request = studio.engine.requests[0]
    assert requested(studio).keys() == {"yaw", "pitch", "smile"}
    assert requested(studio)["smile"] == [[2.517, 0.83, "hold"]]
    assert min(key[0] for key in requested(studio)["pitch"]) >= 1.6
    assert request.controls.strength == {"head": 0.5}
    assert request.text is None and request.seconds == 3
    button(page, say("line.clear")).click()
    expect(keys(page)).to_have_count(0)
    generate(page)
    expect(page.get_by_text("Give a speech recording, a text")).to_be_visible()
    button(page, say("line.undo")).click()
    assert len(read(page, "smile")) == 1, "a preset and clearing can be undone"


def test_a_keyframe_is_dragged_in_time_and_value(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    key = add(page, "yaw")
    face = page.locator(".tl-face path").last
    before = face.get_attribute("d")
    drag(page, key, second(page, 1.0) - second(page, 0.0), -14)
    during = face.get_attribute("d")
    assert during != before, "the sketch follows while it is dragged"
    page.mouse.up()
    ((at, value, _),) = read(page)
    assert at == 1 and value == 20
    drag(page, keys(page), 40, 0)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert read(page) == [(1, 20, "Smooth")], "Escape leaves it where it was"
    drag(page, keys(page), 500, 300)
    page.mouse.up()
    assert read(page)[0][1] == -30, "it stays in range"
    button(page, say("line.undo")).click()
    assert read(page) == [(1, 20, "Smooth")]
    button(page, say("line.redo")).click()
    assert read(page)[0][1] == -30
    generate(page)
    shown(page)
    assert requested(studio)["yaw"][0][1] == -30


def test_a_finger_is_as_good_as_a_mouse(opened, studio: Studio):
    page = opened(390, 844, touch=True)
    tab(page, "pose")
    page.get_by_label(say("line.lane")).select_option("yaw")
    button(page, say("line.add").format(lane=say("channel.yaw"))).tap()
    expect(keys(page)).to_have_count(1)
    remove, value = (
        button(page, say("line.remove")),
        page.get_by_label(say("line.value"), exact=True),
    )
    assert remove.bounding_box()["y"] < value.bounding_box()["y"], "beside the lane's name"
    finger = page.context.new_cdp_session(page)

    def swipe(what: Locator, right: float, down: float) -> None:
        what.evaluate("e => e.scrollIntoView({block: 'center'})")
        still(page)
        box = what.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        finger.send("Input.dispatchTouchEvent", touches("touchStart", x, y))
        for i in range(1, 7):
            moved = touches("touchMove", x + right * i / 6, y + down * i / 6)
            finger.send("Input.dispatchTouchEvent", moved)
        finger.send("Input.dispatchTouchEvent", touches("touchEnd"))

    swipe(keys(page), second(page, 1.0) - second(page, 0.0), -14)
    ((at, value, _),) = read(page)
    assert at == pytest.approx(1, abs=0.05) and value == 19
    head = page.get_by_role("slider", name=say("line.head"))
    swipe(head, second(page, 3.0) - second(page, 1.0), 0)
    assert float(head.get_attribute("aria-valuenow")) == pytest.approx(3, abs=0.1)
    swipe(page.locator(".tl-line.is-ruler .tl-track"), 40, 0)
    expect(page.get_by_label(say("line.until"), exact=True)).to_be_visible()
    lane = page.get_by_role("group", name=say("channel.yaw"), exact=True).locator(".tl-track")
    lane.evaluate("e => e.scrollIntoView({block: 'center'})")
    still(page)
    box = lane.bounding_box()
    at = box["x"] + second(page, 2.0), box["y"] + 30
    for _ in range(2):  # quickly: two slow taps add nothing
        finger.send("Input.dispatchTouchEvent", touches("touchStart", *at))
        finger.send("Input.dispatchTouchEvent", touches("touchEnd"))
    expect(keys(page)).to_have_count(2)
    before = page.evaluate("scrollY")
    swipe(lane, 0, -60)
    assert page.evaluate("scrollY") > before, "up and down the page still scrolls"

    still(page)  # a tap on a page that still scrolls only stops it
    button(page, say("preset.nod")).tap()  # its keyframes are closer together than a finger is wide
    expect(keys(page)).to_have_count(8)
    keys(page).last.evaluate("e => e.scrollIntoView({block: 'center'})")
    still(page)
    for key in keys(page).all()[2:]:
        box = key.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(key).to_have_attribute("aria-pressed", "true")


def touches(kind: str, *at: float) -> dict:
    return {"type": kind, "touchPoints": [{"x": at[0], "y": at[1]}] if at else []}


def test_two_taps_in_a_lane_add_a_keyframe(opened):
    page = opened()
    tab(page, "pose")
    add(page, "smile")
    lane = page.get_by_role("group", name=say("channel.smile"), exact=True).locator(".tl-track")
    lane.dblclick(position={"x": second(page, 2.0), "y": 9})
    assert read(page) == [(0, 0, "Smooth"), (2, CHANNELS["smile"][1], "Smooth")]
    lane.click(position={"x": second(page, 1.0), "y": 30})
    expect(keys(page)).to_have_count(2)
    expect(page.get_by_role("slider", name=say("line.head"))).to_have_attribute(
        "aria-valuenow", re.compile("0.9|1.0")
    )


def test_several_keyframes_move_together(opened):
    page = opened()
    tab(page, "pose")
    button(page, say("preset.look_left")).click()
    expect(keys(page)).to_have_count(4)
    before = read(page)
    keys(page).first.focus()
    page.keyboard.press("Control+a")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    moved = [second - old for (second, *_), (old, *_) in zip(read(page), before, strict=True)]
    assert moved == pytest.approx([0.08] * 4, abs=0.011)
    page.keyboard.press("Delete")
    expect(keys(page)).to_have_count(0)


def test_it_snaps_to_words_and_to_frames(opened, studio: Studio):
    page = opened()
    write(page.locator("#text textarea"), "One two three four.")
    tab(page, "pose")
    key = add(page, "yaw")
    generate(page)
    shown(page)
    expect(page.locator(".tl-word").first).to_have_text("One")
    still(page)

    def put(at: float) -> float:
        key = keys(page).last
        here = read(page)[0][0]
        drag(page, key, second(page, at) - second(page, here), 0)
        page.mouse.up()
        return read(page)[0][0]

    assert put(0.304) == 0.3, "the end of a word is near"
    head = page.get_by_role("slider", name=say("line.head"))
    video, said = page.locator("#video video"), page.locator(".tl-announced")
    video.evaluate("v => v.pause()")
    for at, lands, near in ((0.64, "0.64", ""), (0.107, "0.10", "One")):
        video.evaluate(f"v => {{ v.currentTime = {at}; }}")
        expect(head).to_have_attribute("aria-valuenow", f"{at:.2f}")
        button(page, say("line.add").format(lane=say("channel.yaw"))).press("Enter")
        expect(head).to_have_attribute("aria-valuenow", lands)
        assert lands in page.evaluate("document.activeElement.ariaLabel")
        expect(said).to_contain_text(say("line.snapped", word=near) if near else "")
        page.keyboard.press("Delete")
    assert put(0.63) == 0.64, "no word is near, so the next frame"
    button(page, say("line.snap")).click()
    assert put(0.775) not in (0.76, 0.8, 0.3)
    assert key.count() == 1


def test_keys_play_step_loop_and_zoom_and_a_curve_becomes_a_keyframe(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    generate(page)
    shown(page)
    tab(page, "edit")
    page.wait_for_function("document.querySelector('#video video').ended")
    expect(page.locator(".tl-legend")).to_have_text(say("line.result"))  # nothing was asked for
    head = page.get_by_role("slider", name=say("line.head"))
    film = "document.querySelector('#video video')"
    head.focus()
    page.keyboard.press("Home")
    page.keyboard.press(".")
    expect(head).to_have_attribute("aria-valuenow", "0.04")
    page.keyboard.press("l")
    page.keyboard.press("l")
    page.wait_for_function(f"{film}.playbackRate === 2 && {film}.currentTime > 0.2")
    page.keyboard.press("k")
    assert page.evaluate(f"{film}.paused && {film}.playbackRate") == 1
    page.keyboard.press("j")
    page.wait_for_function(f"{film}.currentTime < 0.05")
    select(page, 0.2, 0.4)
    wide = page.locator(".tl-scroll").evaluate("b => b.scrollWidth")
    head.focus()
    page.keyboard.press("f")
    assert page.locator(".tl-scroll").evaluate("b => b.scrollWidth") > wide
    page.keyboard.press("f")
    page.keyboard.press("r")
    page.keyboard.press(" ")
    page.wait_for_function(f"{film}.currentTime > 0.3")
    page.wait_for_function(f"{film}.currentTime < 0.3")
    assert not page.evaluate(f"{film}.paused"), "it goes on from the span's start"
    page.keyboard.press("k")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text(say("line.keys.shuttle"))
    page.keyboard.press("Escape")

    # The made turn rises to 0.3 degrees at the end; at half a second it is held and pulled up.
    expect(page.get_by_label(say("controlled.label"))).not_to_be_checked()
    track = page.locator("[data-trace=yaw]")
    track.scroll_into_view_if_needed()
    still(page)
    box = track.bounding_box()
    x, y = box["x"] + second(page, 0.52), box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 14, steps=4)
    page.mouse.up()
    ((at, value, easing),) = read(page, "yaw")
    assert (at, value) == (0.52, 15) and easing == say("easing.free")
    expect(page.get_by_label(say("controlled.label"))).to_be_checked()


def test_the_playhead_and_the_player_follow_each_other(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    add(page, "yaw")
    head = page.get_by_role("slider", name=say("line.head"))
    generate(page)
    video = shown(page)
    page.wait_for_function("document.querySelector('#video video').duration > 0")
    video.evaluate("v => v.pause()")
    sound = page.locator(".tl-line.is-sound .tl-track")
    sound.click(position={"x": second(page, 0.5), "y": 10})
    page.wait_for_function(
        "Math.abs(document.querySelector('#video video').currentTime - 0.5) < 0.03"
    )
    video.evaluate("v => { v.currentTime = 0.2; }")
    expect(head).to_have_attribute("aria-valuenow", "0.20")
    head.focus()
    page.keyboard.press("ArrowRight")
    expect(head).to_have_attribute("aria-valuenow", "0.24")
    page.wait_for_function(
        "Math.abs(document.querySelector('#video video').currentTime - 0.24) < 0.01"
    )
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('#video video').currentTime > 0.3")
    assert float(head.get_attribute("aria-valuenow")) > 0.1
    expect(page.locator(".tl-made")).to_have_count(4)
    expect(page.locator(".tl-legend")).to_have_text(say("line.result") + say("line.target"))


def select(page: Page, start: float, end: float) -> None:
    """Drags along the ruler."""
    page.locator(".tl-scroll").scroll_into_view_if_needed()
    still(page)
    box = page.locator(".tl-line.is-ruler .tl-track").bounding_box()
    page.mouse.move(box["x"] + second(page, start), box["y"] + 6)
    page.mouse.down()
    page.mouse.move(box["x"] + second(page, end), box["y"] + 6, steps=5)
    page.mouse.up()


def test_the_selected_span_is_the_one_that_is_rerendered(opened, studio: Studio):
    """By drag, by words, by numbers and by keys, it is one span, and one button renders it."""
    page = opened()
    write(page.locator("#text textarea"), "One two three four five six seven.")
    tab(page, "pose")
    add(page, "yaw")
    generate(page)
    shown(page)
    select(page, 0.2, 0.6)
    assert not page.evaluate("getSelection().toString()"), "no text is selected with it"
    button(page, say("line.edit")).click()
    expect(page.get_by_text(say("intro.edit"))).to_be_visible()
    fields = [page.get_by_label(say(f"line.{end}"), exact=True) for end in ("from", "until")]
    words = page.locator(".tl-word")

    def is_selected(start: float, end: float) -> None:
        for field, second in zip(fields, (start, end), strict=True):
            expect(field).to_have_value(f"{second:g}")
        pressed = words.evaluate_all("all => all.map(one => one.ariaPressed === 'true')")
        assert pressed == [start < 0.1 * i + 0.09 and 0.1 * i + 0.01 < end for i in range(7)]

    def is_rerendered(start: float, end: float) -> None:
        is_selected(start, end)
        count = page.locator("#history [data-take]").count()
        button(page, say("rerender")).click()
        expect(page.locator("#history [data-take]")).to_have_count(count + 1)
        span = studio.engine.requests[-1].spans[-1]
        assert (span.start, span.end) == (start, end)
        is_selected(start, end)

    is_rerendered(0.2, 0.6)
    assert studio.engine.requests[-1].spans[0].controls.tracks.keys() == {"yaw"}
    assert studio.engine.requests[-1].seed == studio.engine.requests[0].seed
    select(page, 0.32, 0.48)
    is_rerendered(0.32, 0.48)
    words.nth(1).click()
    is_selected(0.1, 0.2)
    words.nth(3).click(modifiers=["Shift"])
    is_rerendered(0.1, 0.4)
    fields[0].fill("0.28")
    button(page, say("rerender")).focus()
    is_selected(0.28, 0.4)
    page.wait_for_function("document.querySelector('#video video').ended")
    page.get_by_role("slider", name=say("line.head")).focus()
    for press in ("Home", *["ArrowRight"] * 5, "[", *["ArrowRight"] * 5, "]"):
        page.keyboard.press(press)
    is_rerendered(0.2, 0.4)
    seeds = [span.seed for span in studio.engine.requests[-1].spans]
    assert len(set(seeds)) == len(seeds) == 4, "another movement every time"
    button(page, say("line.clear_span")).click()
    button(page, say("rerender")).click()
    expect(page.get_by_text(say("error.span"))).to_be_visible()


def test_controls_go_out_as_json_and_come_back(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    button(page, say("preset.shake")).click()
    expect(keys(page).first).to_be_visible()
    button(page, say("line.json")).click()
    box = page.get_by_label(say("line.json.label"))
    expect(box).to_have_value(re.compile("yaw"))
    given = json.loads(box.input_value())
    assert Controls.from_json(given).tracks.keys() == {"yaw"}
    given["tracks"]["pitch"] = [[0.5, 5, "free"], [1.0, 0.0, "linear"]]
    given["strength"]["head"] = 0.5
    box.fill(json.dumps(given))
    button(page, say("line.json.apply")).click()
    expect(keys(page)).to_have_count(len(given["tracks"]["yaw"]) + 2)
    generate(page)
    shown(page)
    assert studio.engine.requests[0].controls == Controls.from_json(given)
    box.fill('{"tracks": {"ears": [[0, 1]]}}')
    button(page, say("line.json.apply")).click()
    expect(page.get_by_text("There is no channel 'ears'")).to_be_visible()
    expect(keys(page)).to_have_count(len(given["tracks"]["yaw"]) + 2)


def test_the_sketch_evaluates_keyframes_as_the_core_does(opened):
    """The value beside a lane's name is the one that `controls.curve` gives."""
    page = opened()
    tab(page, "pose")
    track = [[0.4, 1.0, "ease"], [1.0, -0.5, "linear"], [1.6, 0.8, "hold"], [2.0, 0.2, "ease"]]
    button(page, say("line.json")).click()
    box = page.get_by_label(say("line.json.label"))
    expect(box).to_have_value(re.compile("tracks"))
    box.fill(json.dumps({"tracks": {"smile": track}}))
    button(page, say("line.json.apply")).click()
    expect(keys(page)).to_have_count(4)
    there = page.locator('[data-now="smile"]')
    page.get_by_role("slider", name=say("line.head")).focus()
    page.keyboard.press("Home")
    expected = curve(tuple(Keyframe(*key) for key in track), 76, 0.0)
    for frame in range(0, 60, 5):
        assert float(there.text_content()) == pytest.approx(expected[frame], abs=0.006), frame
        for _ in range(5):
            page.keyboard.press("ArrowRight")


def test_clauses_of_an_instruction_have_their_span(opened):
    page = opened()
    tab(page, "text")
    write(page.locator("#instruction textarea"), "smile then nod")
    page.locator("#text textarea").focus()
    expect(page.locator(".tl-clause")).to_have_text(["smile", "then", "nod"])
    write(page.locator("#instruction textarea"), "smile&nod then")
    page.locator("#text textarea").focus()
    expect(page.locator(".tl-clause")).to_have_text(["smile", "nod", "then"])
    smile, nod, then = (clause.bounding_box() for clause in page.locator(".tl-clause").all())
    assert nod["x"] == smile["x"] and nod["y"] >= smile["y"] + smile["height"]
    assert then["y"] == smile["y"]
    tab(page, "speech")
    expect(page.locator("#timeline")).to_be_hidden()


def test_zoom_keeps_the_place_and_scrolls(opened):
    page = opened()
    tab(page, "pose")
    add(page, "yaw")
    canvas = page.locator(".tl-scroll")
    wide = canvas.evaluate("b => b.scrollWidth")
    for _ in range(3):
        button(page, say("line.in")).click()
    assert canvas.evaluate("b => b.scrollWidth") > 2 * wide
    button(page, say("line.fit")).click()
    assert canvas.evaluate("b => b.scrollWidth") == wide


def test_the_sound_of_an_upload_is_shown_at_once(opened, tmp_path: Path):
    page = opened()
    write_audio(tmp_path / "two.wav", 0.1 * np.ones(2 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    tab(page, "pose")
    page.get_by_role("radio", name=say("speech.upload")).check()
    page.locator("#upload input[type=file]").set_input_files(tmp_path / "two.wav")
    expect(page.locator(".tl-wave")).to_be_visible()
    expect(page.get_by_role("slider", name=say("line.head"))).to_have_attribute(
        "aria-valuemax", "2.00"
    )


def test_silence_is_no_sound(tmp_path: Path):
    with pytest.raises(InputError):
        timeline.sound_of(tmp_path / "nothing.wav")


def test_nothing_is_forgotten_where_it_is_not_shown(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    add(page, "yaw")
    generate(page)
    shown(page)
    expect(page.locator(".tl-made").first).to_be_visible()
    tab(page, "about")
    tab(page, "pose")
    expect(page.locator(".tl-made").first).to_be_visible()
    button(page, say("line.undo")).click()
    expect(keys(page)).to_have_count(0)
