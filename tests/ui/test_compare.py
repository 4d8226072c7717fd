"""The Compare tab and the downloads of a take: functions, then the page."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from fake_engine import Studio, until
from PIL import Image

from gaia_core import comparison
from gaia_core.comparison import Compared, Variant, as_csv, differences, measured
from gaia_core.errors import InputError
from gaia_core.motion.measures import Measures
from gaia_core.request import Request
from gaia_core.speech.voices import OFFLINE_VOICE
from ui.compare import variants
from ui.compare.table import SHARED
from ui.compare.table import table as table_of
from ui.i18n.text import say

pytest.importorskip("playwright")

from playwright.sync_api import Locator, Page, expect
from visitor import button, generate, shown, small, tab, write

NUMBERS = Measures(2.5, math.inf, 3.21, 1.0, math.nan, 12.4)


def compared(name: str, measures: Measures | None = NUMBERS, **recipe: object) -> Compared:
    made = {"gaia_recipe": 1, "steps": 10, **recipe}
    variant = Variant(name, f"title {name}", Request(Path("me.png"), text="-"))
    return Compared(variant, Path(f"{name}.mp4"), made, measures, 2.5)


# Functions


def test_only_what_differs_is_listed():
    made = [compared("A", seed=1, instruction=None), compared("B", seed=1, instruction="smile")]
    different = differences([one.recipe for one in made])
    assert different == {"instruction": [None, "smile"]}
    rows = list(csv.reader(io.StringIO(as_csv(made))))
    assert rows[0] == ["", "A", "B"] and ["instruction", "", "smile"] in rows
    assert ["yaw", "3.21", "3.21"] in rows and ["took", "2.5", "2.5"] in rows
    assert ["roll", "", ""] in rows


def test_of_controls_only_what_differs_is_listed():
    nod, shake = [[0, 5, "ease"], [1, 0, "ease"]], [[0, 3, "hold"], [9, 3, "hold"]]
    both = {"tracks": {"pitch": nod, "yaw": shake}, "strength": {"head": 1.5}}
    made = [
        compared("A", text="a", voice="x", controls=both),
        compared("B", text="a", voice="y", controls={"tracks": {"pitch": nod}, "strength": {}}),
    ]
    different = differences([one.recipe for one in made])
    assert different == {
        "voice": ["x", "y"],
        "controls.tracks.yaw": [shake, None],
        "controls.strength.head": [1.5, None],
    }
    table = table_of(made)
    assert "× 1.5" in table and "× 1<" in table
    assert say("channel.yaw") in table and say("channel.pitch") not in table
    silent = [{"text": None, "voice": "x"}, {"text": None, "voice": "y"}]
    assert differences(silent) == {}, "no voice is heard"


def test_what_a_visitor_wrote_is_no_markup():
    made = [compared("A", instruction=None), compared("B", instruction="<img src=x>")]
    table = table_of(made)
    assert "<img" not in table and "&lt;img" in table
    assert "3.2" in table and "3.21" not in table and "inf" not in table and "nan" not in table


def test_equal_settings_are_reported():
    table = table_of([compared("A", None, seed=1), compared("B", None, seed=1)])
    assert say("compare.equal") in table
    assert table_of([]) == ""


def test_every_field_of_a_recipe_has_a_name(photos):
    from gaia_core.request import Request

    recipe = Request(photos["fine"], text="words").recipe()
    for name in set(recipe) - {"gaia_recipe", *SHARED, "controls"}:
        assert say(f"compare.field.{name}")
    for name in measured(compared("A")):
        assert say(f"measure.{name}") and say(f"measure.{name}.info")


def test_weights_are_a_setting_where_there_are_several():
    with gr.Blocks():
        alone = variants.card(Path("weights"), [])
        card = variants.card(Path("weights"), [Path("runs/b")])
        with pytest.raises(InputError, match="named weights"):
            variants.card(Path("weights"), [Path("runs/weights")])
    assert not any(fields.weights.visible for fields in alone.variants)
    assert "weights" not in alone.axes and card.axes["weights"] == "weights, b"
    values = {part: part.value for part in card.inputs()}
    plans, _ = variants.planned(values, card)
    assert not any("weights" in plan.own for plan in plans)
    values |= {card.way: "grid", card.rows.setting: "weights", card.rows.values: "weights, b"}
    plans, columns = variants.planned(values, card)
    assert [plan.own["weights"] for plan in plans[::columns]] == ["weights", "b"]
    assert "Weights b" in plans[-1].title()
    with pytest.raises(InputError, match="choose among weights, b"):
        variants.planned(values | {card.rows.values: "c"}, card)


# The page


def films(page: Page) -> Locator:
    return page.locator(".cp-take video")


def generate_all(page: Page, count: int = 2) -> None:
    tab(page, "compare")
    button(page, say("compare.generate")).click()
    expect(films(page)).to_have_count(count)
    expect(button(page, say("compare.generate"))).to_be_visible()


def field(page: Page, variant: str, name: str) -> Locator:
    return page.locator(f"#variant-{variant}-{name}").locator("input, textarea").first


def clocks(page: Page) -> list[float]:
    return films(page).evaluate_all("films => films.map(film => film.currentTime)")


def test_two_takes_play_as_one(opened, studio: Studio):
    page = opened()
    generate_all(page)
    first, second = studio.engine.requests
    assert first.seed == second.seed and first.text == second.text
    assert first.instruction is None and second.instruction == say("instruction.example.smile")
    table = page.locator("#compare-table")
    expect(table).to_contain_text(say("instruction.example.smile"))
    expect(table).to_contain_text(say("measure.steadiness"))
    expect(table).not_to_contain_text(say("compare.field.steps"))
    page.wait_for_function(
        "[...document.querySelectorAll('.cp-take video')].every(film => film.duration > 0.9)"
    )
    page.get_by_role("slider", name=say("player.seek")).fill("0.4")
    assert clocks(page) == pytest.approx([0.4, 0.4], abs=0.03)
    page.locator(".cp").focus()
    page.keyboard.press("ArrowRight")
    assert clocks(page) == pytest.approx([0.44, 0.44], abs=0.03)
    page.keyboard.press("2")
    assert films(page).evaluate_all("films => films.map(film => film.muted)") == [True, False]
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    page.wait_for_function(
        "[...document.querySelectorAll('.cp-take video')].every(film => film.currentTime > 0.9)"
    )
    expect(button(page, say("player.play"))).to_be_visible()  # from the start, since it has ended
    assert np.ptp(clocks(page)) < 0.1
    expect(page.locator("#history [data-take]")).to_have_count(2)
    expect(page.locator("#history")).to_contain_text(f"B · {say('compare.base.speech')}")
    expect(page.locator("#result-card")).to_be_hidden()
    page.locator("#history [data-take]").first.click()
    shown(page)
    expect(page.get_by_text(say("intro.edit"))).to_be_visible()


def test_a_variant_may_differ_in_all(opened, studio: Studio):
    page = opened()
    tab(page, "pose")
    button(page, say("preset.nod")).click()
    tab(page, "compare")
    page.locator("#variant-a-on input").uncheck()
    page.locator("#variant-c-on input").check()
    for name, value in (("seed", "7"), ("guidance", "1.5"), ("steps", "3")):
        write(field(page, "c", name), value)
    page.locator("#variant-c-weights input").click()
    page.get_by_role("option", name="other", exact=True).click()
    generate_all(page)
    (second,), (third,) = studio.engine.requests, studio.other.requests
    assert second.seed != 7 and not second.controls.tracks
    assert (third.seed, third.guidance, third.steps) == (7, 1.5, 3)
    assert "pitch" in third.controls.tracks
    expect(page.locator("#compare-table")).to_contain_text(say("compare.field.weights"))
    expect(page.locator("#history [data-take]")).to_have_count(1)  # of the studio's own weights
    expect(page.locator("#compare-table")).to_contain_text(say("channel.pitch"))
    expect(page.locator("#compare-table")).not_to_contain_text(say("channel.yaw"))


def test_errors_come_before_any_run(opened, studio: Studio):
    page = opened()
    tab(page, "compare")
    field(page, "b", "steps").fill("many")
    button(page, say("compare.generate")).click()
    wrong = say("error.number", field=say("steps.label"))
    expect(page.get_by_text(say("compare.wrong", name="B", sentence=wrong))).to_be_visible()
    expect(button(page, say("compare.generate"))).to_be_visible()
    for variant in "ab":
        page.locator(f"#variant-{variant}-on input").uncheck()
    button(page, say("compare.generate")).click()
    expect(page.get_by_text(say("compare.error.none"))).to_be_visible()
    assert not studio.engine.requests


def test_stop_keeps_what_is_finished(opened, studio: Studio):
    page = opened()
    studio.engine.pause = 0.1
    tab(page, "compare")
    button(page, say("compare.generate")).click()
    expect(films(page)).to_have_count(1)
    studio.engine.pause = 0.5
    page.locator("#compare-stop").click()
    expect(button(page, say("compare.generate"))).to_be_visible()
    assert until(lambda: studio.engine.closed_early == 1)
    expect(films(page)).to_have_count(1)
    assert until(lambda: len(studio.folders()) == 1)


def test_all_of_it_is_one_file(opened, studio: Studio, tmp_path: Path):
    page = opened()
    generate_all(page)
    with page.expect_download() as download:
        button(page, say("compare.pack")).click()
    assert download.value.suggested_filename == "gaia-comparison.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        names = {"A.mp4", "A.json", "B.mp4", "B.json", "comparison.csv", "side-by-side.mp4"}
        found = set(archive.namelist()) - names
        assert names <= set(archive.namelist()) and len(found) == 2
        assert any(name.startswith("media/portrait-") for name in found)
        archive.extractall(tmp_path)
        recipe = json.loads(archive.read("B.json"))
        used = {"voice": OFFLINE_VOICE, "controls": recipe["controls"]}
        assert recipe == studio.engine.requests[1].recipe() | used
        assert b"steadiness" in archive.read("comparison.csv")
    variants, columns = comparison.read(tmp_path / "compare.json")
    again = [variant.request.recipe() for variant in variants]
    asked = [{**each.recipe(), "voice": OFFLINE_VOICE} for each in studio.engine.requests]
    assert again == asked and columns == 2


def test_a_grid_over_two_settings(opened, studio: Studio):
    page = opened()
    tab(page, "compare")
    page.get_by_role("radio", name=say("compare.way.grid")).check()
    write(page.locator("#compare-rows-values input"), "1, 2.5")
    page.locator("#compare-columns input").click()
    page.get_by_role("option", name=say("compare.strength.head"), exact=True).click()
    values = page.locator("#compare-columns-values input")
    expect(values).to_have_value("0.5, 1, 1.5")
    write(values, "0.5, 9")
    button(page, say("compare.generate")).click()
    expect(page.get_by_text("B: ", exact=False).first).to_be_visible()
    assert not studio.engine.requests
    write(values, "0.5, 1, 1.5")
    button(page, say("compare.generate")).click()
    expect(films(page)).to_have_count(6)
    asked = [(r.guidance, r.controls.strength["head"]) for r in studio.engine.requests]
    assert asked == [(g, s) for g in (1, 2.5) for s in (0.5, 1, 1.5)]
    assert len({request.seed for request in studio.engine.requests}) == 1
    tops = [films(page).nth(i).bounding_box()["y"] for i in (0, 2, 3)]
    assert tops[0] == tops[1] < tops[2], "three across"
    page.locator(".cp").focus()
    page.keyboard.press("6")
    assert films(page).evaluate_all("films => films.map(film => film.muted)") == [True] * 5 + [
        False
    ]


def test_it_fits_a_phone(opened):
    page = opened(390, 844, touch=True)
    generate_all(page)
    assert small(page) == []
    expect(page.locator("#watch")).to_be_hidden()  # of a single take
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    left, right = (films(page).nth(i).bounding_box() for i in (0, 1))
    assert left["y"] == right["y"] and right["x"] > left["x"] + left["width"] - 1


def test_a_take_in_other_forms(opened, studio: Studio):
    page = opened()
    generate(page)
    shown(page)
    expect(page.locator("#video track")).to_have_count(1)
    for kind, start in (("gif", b"GIF89a"), ("poster", b"\x89PNG"), ("vtt", b"WEBVTT")):
        with page.expect_download() as download:
            page.locator(f"#download-{kind}").click()
        assert Path(download.value.path()).read_bytes().startswith(start)
        assert len(studio.files(f"*{Path(download.value.suggested_filename).suffix}")) >= 1
    expect(page.locator("#download-webm")).to_be_hidden()


def test_a_transparent_portrait_makes_a_transparent_film(opened, tmp_path):
    picture = np.full((96, 64, 4), 128, np.uint8)
    picture[:, :20, 3] = 0
    Image.fromarray(picture).save(tmp_path / "cut.png")
    page = opened()
    page.locator("#portrait-upload + input, #portrait-rail input").first.set_input_files(
        tmp_path / "cut.png"
    )
    page.get_by_label(say("consent.label")).check()
    page.get_by_role("radio", name=say("speech.upload")).check()
    page.locator(".speech-example").first.click()
    expect(page.locator("#upload").get_by_role("button", name="Play", exact=True)).to_be_visible()
    generate(page)
    shown(page)
    expect(page.locator("#download-vtt")).to_be_hidden()  # the times of words are unknown
    with page.expect_download() as download:
        page.locator("#download-webm").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x1a\x45\xdf\xa3")
