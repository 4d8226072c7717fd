"""The page in Chromium, without console errors and requests to other servers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fake_engine import NO_FACE, NOTHING, NOTICE, Studio, until

from gaia_core.request import Request
from ui import samples
from ui.i18n.text import say
from ui.samples import output_of

pytest.importorskip("playwright")

from playwright.sync_api import Locator, Page, expect
from visitor import button, generate, shown, small, still, tab, themes, write

# The page hears that its stream of messages closes only after the answer to Generate.
CLOSES_LATE = """{
  const {fetch} = window;
  let hear;
  const answered = new Promise((resolve) => { hear = resolve; });
  const transform = async (text, stream) => {
    const [before, close] = text.split(/(data:.*"close_stream"[^]*)/);
    stream.enqueue(before);
    if (!close) return;
    window.closing = true;
    await answered;
    stream.enqueue(close);
  };
  window.fetch = async (resource, options) => {
    const answer = await fetch(resource, options);
    const url = resource.url ?? String(resource);
    if (url.includes("/queue/join") && options.body.includes("WORDS")) setTimeout(hear, 100);
    if (!url.includes("/queue/data")) return answer;
    const messages = answer.body.pipeThrough(new TextDecoderStream());
    const late = messages.pipeThrough(new TransformStream({transform}));
    return new Response(late.pipeThrough(new TextEncoderStream()), answer);
  };
}""".replace("WORDS", say("text.start"))


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

    # Without a choice it was the first face of an example, whose look was checked before.
    request = studio.engine.requests[0]
    assert request.face == Request.face and samples.is_shipped(request.portrait)
    assert studio.engine.inspected >= 1
    # It was not played in parts.
    assert page.locator("#live video").count() == 0
    assert studio.files("*.mp4") and not studio.files("parts")

    studio.engine.pause = 0.0
    page.locator("#settings .label-wrap").click()
    page.get_by_label(say("random.label")).uncheck()
    generate(page)
    expect(page.locator("#history [data-take]")).to_have_count(2)
    assert studio.engine.requests[1].seed == request.seed, "the seed is kept"


def test_stop_really_stops(opened, studio: Studio):
    studio.engine.frames, studio.engine.pause = 500, 0.02
    page = opened()
    generate(page)
    expect(page.get_by_text(say("stage.frames"))).to_be_visible()
    studio.engine.pause = 1.0  # which Stop waits for
    button(page, "Stop").click()
    expect(button(page, "Stop")).to_be_disabled()
    generate(page)  # as soon as it is there
    assert until(lambda: len(studio.engine.requests) == 2)
    studio.engine.pause = 0.02
    page.wait_for_function("document.querySelector('[role=progressbar]')?.ariaValueNow > 25")
    expect(button(page, "Generate")).to_be_hidden()
    button(page, "Stop").click()
    expect(page.get_by_text(say("result.stopped"))).to_be_visible()
    expect(button(page, "Generate")).to_be_visible()
    assert until(lambda: studio.engine.closed_early == 2)
    assert until(lambda: not studio.folders())
    expect(page.get_by_text(say("result.stopped"))).to_be_visible()

    # After one that is stopped later, the take of before plays again.
    studio.engine.frames = 25
    generate(page)
    film = shown(page).get_attribute("src")
    studio.engine.frames = 500
    generate(page)
    expect(page.get_by_alt_text(say("result.preview"))).to_be_visible()
    button(page, "Stop").click()
    expect(page.locator("#video video")).to_have_attribute("src", film)


def test_bad_input_is_an_error_and_nothing_typed_is_lost(opened, studio: Studio):
    page = opened()
    write(page.locator("#text textarea"), "My own words.")
    page.get_by_role("radio", name=say("speech.upload")).check()
    expect(page.locator("#text")).to_be_hidden()
    generate(page)
    expect(page.get_by_text(say("error.upload"))).to_be_visible()
    head = page.locator(".toast-title")
    title = head.evaluate("e => [getComputedStyle(e, '::before').content, e.offsetHeight]")
    assert title[0] == f'"{say("error.title")}"' and title[1] < 40
    expect(head).to_have_css("font-size", "0px")
    assert not page.locator(".toast-body .timer").count(), "it stays"
    expect(page.get_by_text(say("result.failed"))).to_be_visible()
    page.get_by_role("radio", name=say("speech.text")).check()
    expect(page.locator("#text textarea")).to_have_value("My own words.")
    generate(page)
    video = shown(page).get_attribute("src")
    assert studio.engine.requests[0].text == "My own words."
    assert not page.locator(".toast-body").count(), "until the next run"

    page.locator("#text textarea").fill("")
    generate(page)
    expect(page.get_by_text(say("error.text"))).to_be_visible()
    assert shown(page).get_attribute("src") == video, "the last take is still there"


def test_a_photo_of_ones_own(opened, studio: Studio, photos: dict[str, Path]):
    page = opened(height=700)
    label, tick = page.get_by_label(say("label.label")), page.get_by_label(say("consent.label"))
    expect(page.get_by_text(say("face.one"))).to_be_visible()
    expect(tick).to_have_count(0)  # the examples need none
    page.locator("#settings .label-wrap").click()
    expect(label).to_be_disabled()

    upload = page.locator("#portrait-rail input").first
    upload.set_input_files(photos["faceless"])
    expect(page.locator("#face-crops").get_by_text(NO_FACE)).to_be_visible()
    expect(tick).to_have_count(0)
    generate(page)
    expect(page.locator(".toast-body").get_by_text(NO_FACE)).to_be_visible()
    assert not studio.engine.requests

    upload.set_input_files(photos["fine"])
    expect(tick).to_have_count(1)
    label.scroll_into_view_if_needed()
    expect(tick).not_to_be_in_viewport()
    generate(page)
    expect(tick).to_be_in_viewport()
    expect(tick).to_be_focused()
    expect(page.locator(".toast-body")).to_have_count(0)  # what was wrong before
    expect(page.locator("#consent-portrait").get_by_text(say("consent.missing"))).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_text(say("consent.missing"))).to_be_hidden()
    expect(label).to_be_enabled()
    page.get_by_role("radio", name=say("speech.upload")).check()
    page.locator("#upload input[type=file]").set_input_files(samples.speeches()[0])
    generate(page)
    shown(page)
    assert len(studio.engine.requests) == 1

    # Asked once a visit: another upload shows no other box.
    page.get_by_role("button", name="Hopper").click()
    expect(tick).to_have_count(1)
    label.uncheck()
    tick.click()  # it goes as soon as it is unticked
    expect(label).to_be_disabled()
    expect(label).to_be_checked()
    expect(tick).to_have_count(0)


def test_examples_are_a_click_away(opened, studio: Studio):
    page = opened()
    page.get_by_role("button", name="Astronaut").click()
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile("astronaut"))
    page.get_by_role("radio", name=say("speech.upload")).check()
    page.get_by_role("button", name="big blue boat").click()
    expect(page.locator("#upload").get_by_role("button", name="Play", exact=True)).to_be_visible()
    generate(page)
    shown(page)
    request = studio.engine.requests[0]
    assert request.portrait.name == "astronaut.png" and request.speech.name == "boat.wav"


def test_an_example_talks_by_itself_without_sound(opened, studio: Studio, monkeypatch):
    monkeypatch.setattr(samples, "output_of", output_of)
    page = opened()
    page.get_by_role("button", name="Astronaut").click()
    film = page.locator(".example video")
    expect(film).to_be_visible()
    page.wait_for_function("document.querySelector('.example video').currentTime > 0.1")
    assert film.evaluate("film => [film.muted, film.loop]") == [True, True]
    photo = page.get_by_alt_text(say("result.example.photo"))
    assert photo.evaluate("photo => photo.decode().then(() => photo.naturalWidth)") > 0
    sound = button(page, say("result.example.sound"))
    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "true")
    assert not film.evaluate("film => film.muted")

    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Hopper").click()
    expect(film).to_have_attribute("src", re.compile("hopper"))
    page.wait_for_function("document.querySelector('.example video').readyState > 1")
    assert film.evaluate("film => film.paused")
    generate(page)
    shown(page)
    expect(film).to_be_hidden()


def test_the_keyboard_alone_makes_and_keeps_a_take(opened, studio: Studio, monkeypatch):
    monkeypatch.setattr("ui.takes.session.UNDO_SECONDS", 0.2)
    page = opened()

    def go_to(target: Locator) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if target.evaluate(
                "e => e === document.activeElement || e.contains(document.activeElement)"
            ):
                return
        raise AssertionError("Tab does not come there")

    go_to(page.locator("#tabs button").first)
    go_to(page.locator("#portrait-upload"))
    go_to(page.get_by_role("button", name="Astronaut"))
    page.keyboard.press("Enter")
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile("astronaut"))
    go_to(page.locator("#text textarea"))
    page.keyboard.press("Control+a")
    page.keyboard.type("Typed.")
    go_to(button(page, "Generate"))
    page.keyboard.press("Enter")
    shown(page)
    request = studio.engine.requests[0]
    assert request.portrait.name == "astronaut.png" and request.text == "Typed."
    go_to(page.locator("#recipe-details .label-wrap"))
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_contain_text("/speech_driven")
    go_to(page.locator("#history [data-does=delete]"))
    page.keyboard.press("Enter")
    expect(page.locator("#history [data-take]")).to_have_count(0)
    assert until(lambda: not studio.folders())


def test_visitors_do_not_see_each_other(opened, studio: Studio):
    one, other = opened(), opened()
    write(one.locator("#text textarea"), "Only mine.")
    generate(one)
    first = shown(one).get_attribute("src")
    expect(other.get_by_text(say("result.empty"))).to_be_visible()
    generate(other)
    second = shown(other).get_attribute("src")
    assert first != second
    assert "Only mine." not in other.content() and first not in other.content()


def test_what_was_set_stays_when_the_tab_changes(opened, studio: Studio):
    page = opened()
    page.get_by_role("button", name="Astronaut").click()
    write(page.locator("#text textarea"), "My own words.")
    tab(page, "pose")
    button(page, say("preset.nod")).click()
    expect(page.locator(".tl-key").first).to_be_visible()
    keys = page.locator(".tl-key").count()
    tab(page, "text")
    write(page.locator("#instruction textarea"), "Nod.")
    tab(page, "about")
    expect(page.locator("#workbench")).to_be_hidden()
    tab(page, "pose")
    expect(page.locator(".tl-key")).to_have_count(keys)
    tab(page, "speech")
    expect(page.locator("#pose-card")).to_be_hidden()
    expect(page.locator("#text textarea")).to_have_value("My own words.")
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile("astronaut"))
    generate(page)
    shown(page)
    request = studio.engine.requests[0]
    assert request.text == "My own words." and request.portrait.name == "astronaut.png"
    assert not request.controls and request.instruction is None


def test_an_instruction_is_understood_before_it_is_used(opened, studio: Studio):
    page = opened()
    tab(page, "text")
    generate(page)
    expect(page.get_by_text(say("error.instruction"))).to_be_visible()
    write(page.locator("#instruction textarea"), "nonsense")
    page.locator("#text textarea").focus()
    expect(page.locator("#understood")).to_contain_text(NOTHING)
    button(page, say("instruction.example.smile")).click()
    expect(page.locator("#understood tbody tr")).to_have_count(4)
    write(page.locator("#text textarea"), "")
    generate(page)
    expect(page.get_by_text(say("error.text"))).to_be_visible()
    expect(page.locator(".tl-clause")).to_have_count(4)
    write(page.locator("#text textarea"), "My own words.")
    generate(page)
    shown(page)
    assert studio.engine.requests[0].instruction == say("instruction.example.smile")


def test_a_driving_video_re_enacts_or_is_dubbed(opened, studio: Studio, film: Path):
    page = opened()
    tab(page, "video")
    expect(page.locator("#speech-card")).to_be_hidden()
    page.locator("#drive input[type=file]").set_input_files(film)
    expect(page.locator("#drive video")).to_be_visible()
    page.get_by_label(say("consent.label")).check()
    generate(page)
    shown(page)
    page.get_by_role("radio", name=say("take.dub")).check()
    expect(page.locator("#speech-card")).to_be_visible()
    generate(page)
    expect(page.locator("#history [data-take]")).to_have_count(2)
    page.get_by_role("radio", name=say("take.custom")).check()
    page.get_by_role("checkbox", name=say("group.mouth")).uncheck()
    page.get_by_role("radio", name=say("drive_mode.absolute")).check()
    generate(page)
    expect(page.locator("#history [data-take]")).to_have_count(3)
    enacted, dubbed, chosen = studio.engine.requests
    assert enacted.text is None and "mouth" in enacted.drive_groups
    assert dubbed.text and dubbed.drive_groups == ("pose", "eyes", "brows")
    assert chosen.drive_mode == "absolute"
    assert chosen.drive_groups == ("pose", "eyes", "brows", "face")


def test_a_span_of_the_last_take_is_rerendered(opened, studio: Studio):
    page = opened()
    tab(page, "edit")
    expect(page.get_by_text(say("edit.nothing"))).to_be_visible()
    button(page, say("rerender")).click()
    expect(page.get_by_text(say("error.nothing"))).to_be_visible()
    tab(page, "pose")
    button(page, say("preset.nod")).click()
    expect(page.locator(".tl-key").first).to_be_visible()
    tab(page, "speech")
    generate(page)
    shown(page)
    first = studio.engine.requests[0]
    tab(page, "edit")
    expect(page.locator("#opened")).to_contain_text(str(first.seed))
    for end, second in (("from", "0.2"), ("until", "0.7")):
        field = page.get_by_label(say(f"line.{end}"), exact=True)
        field.fill(second)
        field.press("Tab")
    write(page.get_by_label(say("span_seed.label")), "5")
    page.locator("#span-random input").uncheck()
    page.get_by_label(say("controlled.label")).check()
    button(page, say("rerender")).click()
    expect(page.locator("#history [data-take]")).to_have_count(2)
    second = studio.engine.requests[1]
    assert second.seed == first.seed and second.text == first.text
    ((start, end, seed),) = ((s.start, s.end, s.seed) for s in second.spans)
    assert (start, end, seed) == (0.2, 0.7, 5) and second.spans[0].controls.tracks["pitch"]
    expect(page.locator("#opened")).to_contain_text("0.2 to 0.7 s")


def test_a_dropped_video_restores_its_settings(opened, studio: Studio, photos, tmp_path: Path):
    one = opened()
    one.locator("#portrait-rail input").first.set_input_files(photos["fine"])
    one.get_by_label(say("consent.label")).check()
    write(one.locator("#text textarea"), "My own words.")
    tab(one, "pose")
    button(one, say("preset.nod")).click()
    expect(one.locator(".tl-key").first).to_be_visible()
    keys = one.locator(".tl-key").count()
    generate(one)
    shown(one)
    film = tmp_path / "take.mp4"
    film.write_bytes(studio.files("gaia-*.mp4")[0].read_bytes())

    page = opened()
    tab(page, "edit")
    page.locator("#open input[type=file]").set_input_files(film)
    expect(page.locator("#opened")).to_contain_text("1.0 s")
    expect(page.locator(".tl-wave")).to_be_visible()
    expect(page.get_by_text(say("edit.missing", media="portrait"))).to_be_visible()
    tab(page, "pose")
    expect(page.locator(".tl-key")).to_have_count(keys)
    expect(page.locator("#text textarea")).to_have_value("My own words.")
    tab(page, "edit")
    button(page, say("rerender")).click()
    expect(page.get_by_text(say("error.span"))).to_be_visible()
    page.get_by_label(say("line.until"), exact=True).fill("0.5")
    button(page, say("rerender")).click()
    expect(page.get_by_text("choose its own portrait again")).to_be_visible()
    tab(page, "speech")
    page.locator("#portrait-rail input").first.set_input_files(photos["fine"])
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile("fine"))
    page.get_by_label(say("consent.label")).check()
    tab(page, "edit")
    button(page, say("rerender")).click()
    assert until(lambda: len(studio.engine.requests) == 2), "the opened film was shown all along"
    first, second = studio.engine.requests
    assert second.spans and second.controls == first.controls


def test_all_of_the_page_is_of_the_same_take(opened, studio: Studio, tmp_path: Path):
    """After a run, Compare, a choice, a deletion and an opened file."""
    page = opened()
    takes = page.locator("#history [data-take]")

    def shows(made: int, mark: int, seconds: float = 1.0) -> None:
        request, film = studio.engine.requests[made], studio.engine.films[made]
        expect(takes.nth(mark).locator("[data-does=select]")).to_have_attribute(
            "aria-pressed", "true"
        )
        expect(page.locator("#history [aria-pressed=true]")).to_have_count(1)
        expect(shown(page)).to_have_attribute("src", re.compile(f"{film.parent.name}|dropped"))
        page.wait_for_function(
            f"Math.abs(document.querySelector('#video video').duration - {seconds}) < 0.05"
        )
        for panel in ("#facts", "#opened"):
            expect(page.locator(panel)).to_contain_text(str(request.seed))
            expect(page.locator(panel)).to_contain_text(f"{seconds:.1f} s")
        head = page.get_by_role("slider", name=say("line.head"))
        expect(head).to_have_attribute("aria-valuemax", f"{seconds:.2f}")
        expect(page.locator(".tl-wave")).to_have_count(1)

    studio.engine.frames = 50
    write(page.locator("#text textarea"), "The first.")
    generate(page)
    shown(page)
    studio.engine.frames = 25
    write(page.locator("#text textarea"), "Another, which lasts a little longer to say.")
    tab(page, "compare")
    button(page, say("compare.generate")).click()
    expect(page.locator(".cp-take video")).to_have_count(2)
    tab(page, "edit")
    shows(2, 0)
    expect(page.locator(".tl-word")).to_have_count(8)
    takes.nth(2).locator("[data-does=select]").click()
    shows(0, 2, 2.0)
    expect(page.locator(".tl-word")).to_have_count(2)
    takes.nth(1).locator("[data-does=delete]").click()
    expect(takes).to_have_count(2)
    shows(0, 1, 2.0)
    takes.nth(1).locator("[data-does=delete]").click()
    expect(takes).to_have_count(1)
    shows(2, 0)

    film = studio.engine.films[2]
    (tmp_path / "dropped.mp4").write_bytes(film.read_bytes())
    for name in ("plain.json", "again.json"):
        (tmp_path / name).write_text(film.with_suffix(".json").read_text())
        page.locator("#open input[type=file]").set_input_files(tmp_path / name)
        expect(page.get_by_text(say("edit.source", name=name))).to_be_visible()
        expect(page.get_by_text(say("result.recipe"))).to_be_visible()
    takes.nth(2).locator("[data-does=select]").click()
    shows(2, 2)
    page.locator("#open input[type=file]").set_input_files(tmp_path / "dropped.mp4")
    expect(page.get_by_text(say("edit.source", name="dropped.mp4"))).to_be_visible()
    expect(takes).to_have_count(4)
    shows(2, 0)
    page.get_by_label(say("line.until"), exact=True).fill("0.4")
    button(page, say("rerender")).click()
    expect(takes).to_have_count(5)
    assert studio.engine.requests[-1].seed == studio.engine.requests[2].seed
    assert studio.engine.requests[-1].instruction == studio.engine.requests[2].instruction


def test_a_file_that_is_no_take_is_an_error(opened, studio: Studio, tmp_path: Path):
    page = opened()
    tab(page, "edit")
    (tmp_path / "wrong.json").write_text('{"of": "something else"}')
    page.locator("#open input[type=file]").set_input_files(tmp_path / "wrong.json")
    expect(page.locator(".toast-close")).to_be_visible()
    expect(page.locator("#open")).not_to_contain_text("wrong")
    still(page)
    expect(page.get_by_text(say("error.recipe"))).to_be_visible()
    recipe = Request(samples.portraits()[0], text="Hello").recipe()
    (tmp_path / "right.json").write_text(json.dumps(recipe))
    page.locator("#open input[type=file]").set_input_files(tmp_path / "right.json")
    expect(page.get_by_text(say("edit.source", name="right.json"))).to_be_visible()
    expect(page.get_by_text(say("error.recipe"))).to_have_count(0)


def test_takes_of_this_session_come_back_and_can_be_deleted(opened, studio, photos):
    others = set(studio.cache.rglob("fine*.png"))  # uploads of the tests before
    page = opened()
    page.locator("#portrait-rail input").first.set_input_files(photos["fine"])
    expect(page.locator("#portrait img")).to_have_attribute("src", re.compile("fine"))
    page.get_by_label(say("consent.label")).check()
    for words in ("First.", "Second."):
        write(page.locator("#text textarea"), words)
        generate(page)
        expect(page.locator("#history")).to_contain_text(str(_last_seed(page, studio)))
    first, second = studio.engine.requests
    page.locator("#history [data-take]").nth(1).click()
    expect(page.locator("#facts")).to_contain_text(str(first.seed))
    page.locator("#recipe-details .label-wrap").click()
    expect(page.locator("#code")).to_contain_text("/speech_driven")
    button(page, say("recipe.reuse")).click()
    expect(page.locator("#text textarea")).to_have_value("First.")

    mine = {first.portrait, second.portrait}
    assert all(path.is_file() for path in mine) and len(studio.folders()) == 2
    page.add_init_script(CLOSES_LATE)
    button(page, say("forget")).click()
    expect(page.get_by_text(say("result.empty"))).to_be_visible()
    assert not studio.folders()
    assert set(studio.cache.rglob("fine*.png")) == others - mine
    expect(page.locator("#text textarea")).to_have_value(say("text.start"))
    page.wait_for_function("window.closing")
    generate(page)
    shown(page)
    assert studio.engine.requests[-1].portrait.is_file(), "the examples are everybody's"


def test_an_upload_alone_can_be_deleted_too(opened, studio: Studio, photos: dict[str, Path]):
    page = opened()
    expect(button(page, say("forget"))).to_be_hidden()
    page.locator("#portrait-rail input").first.set_input_files(photos["crash"])
    button(page, say("forget")).click()
    expect(button(page, say("forget"))).to_be_hidden()
    assert not list(studio.cache.rglob("crash*.png"))


def _last_seed(page: Page, studio: Studio) -> int:
    count = page.locator("#history [data-take]").count()
    expect(page.locator("#history [data-take]")).to_have_count(count + 1)
    return studio.engine.requests[-1].seed


# The gap between the tabs' last line and the first card of the result.
HOLE = """() => {
  const cards = [...document.querySelectorAll("#outputs .card")].filter((e) => e.offsetParent);
  const top = Math.min(...cards.map((e) => e.getBoundingClientRect().top));
  return top - document.querySelector("#tabs").getBoundingClientRect().bottom;
}"""


def test_the_result_stands_below_the_tabs_and_changes_are_seen(opened, studio: Studio):
    page = opened(1280, 800)
    tab(page, "live")
    expect(page.locator("#result-card")).to_be_hidden()  # without a take
    tab(page, "about")
    expect(page.locator("#workbench")).to_be_hidden()
    tab(page, "speech")
    expect(page.locator("#status")).to_be_visible()
    expect(page.locator("#video")).to_be_hidden()
    for name in ("speech", "video", "text", "live", "edit", "compare", "pose"):
        tab(page, name)
        for size in ((1280, 800), (1280, 1024), (1920, 1080)):
            page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
            assert page.evaluate(HOLE) <= 24, (name, size)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("#settings .label-wrap").click()
    pairs = (
        ("#preset-at input", "#preset-lasts input"),
        ("#steps [type=range]", "#guidance [type=range]"),
        ("#steps [data-testid=block-info]", "#guidance [data-testid=block-info]"),
    )
    for pair in pairs:
        left, right = (page.locator(field).bounding_box() for field in pair)
        assert left["y"] == right["y"], pair
    expect(page.locator("#portrait")).to_be_hidden()  # folded to its face
    expect(page.locator("#drive")).to_be_hidden()
    button(page, say("face.photo")).click()
    expect(page.locator("#portrait")).to_be_visible()
    button(page, say("preset.nod")).click()
    expect(page.locator("#timeline.is-changed")).to_be_visible()
    expect(page.locator(".tl-key").last).to_be_in_viewport(ratio=1)


def test_a_phone_needs_no_sideways_scrolling(opened):
    page = opened(390, 844, touch=True)
    fits = """() => document.documentElement.scrollWidth <= 390
        && ![...document.querySelectorAll('.gradio-container *')]
        .some(e => e.getBoundingClientRect().right > 391 && e.offsetParent !== null)"""
    order = """() => { // not on the Speech tab, where the sentence comes first
        const [portrait, speech] = ["portrait", "speech"].map((name) =>
            document.querySelector(`#${name}-card`)?.getBoundingClientRect().top);
        return portrait < speech;
    }"""
    tops = page.get_by_role("tab").evaluate_all("tabs => tabs.map(tab => tab.offsetTop)")
    assert len(set(tops)) == 1, "all tabs in one row"
    page.locator("#settings .label-wrap").click()
    number = page.locator("#steps input[type=number]")
    expect(number).to_be_visible()
    inside = number.evaluate("e => e.parentElement.clientHeight >= e.offsetHeight")
    assert inside, "a slider's number is cut off"
    page.locator("#settings .label-wrap").click()
    for name in ("video", "text", "edit", "compare", "pose", "speech"):
        tab(page, name)
        if name in ("text", "compare", "pose"):
            page.wait_for_function(order)
        if name == "pose":
            button(page, say("preset.orbit")).click()
            expect(page.locator(".tl-key").first).to_be_visible()
        for theme in themes(page):
            page.wait_for_function(fits)
            assert small(page) == [], (name, theme)
        if name == "speech":
            box = page.locator("#voice .wrap-inner").bounding_box()
            assert box["height"] <= page.locator("#voice-hear").bounding_box()["height"]
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    generate(page)
    film, bar = shown(page), page.locator("#actions")
    page.wait_for_function(fits)

    def in_sight() -> bool:
        """Whether the page has scrolled to the film, above the bar."""
        shows, ends = film.bounding_box(), bar.bounding_box()
        return shows["y"] >= 0 and shows["y"] + shows["height"] <= ends["y"]

    assert until(in_sight)
    still(page)
    assert in_sight()
    tab(page, "about")
    expect(page.get_by_text("non-commercial research only")).to_be_visible()
    expect(page.locator("footer .show-api")).to_be_visible()  # the page that the text points to
    page.wait_for_function(fits)
