"""The Compare tab: the same portrait and speech, up to four ways, in one player and one table.

Layout, differences and measures; the events are in `compare.events`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from gaia_core import FPS
from gaia_core.media.grid import side_by_side
from gaia_core.motion.measures import Measures
from gaia_core.request import SETTINGS
from gaia_core.settings import MODES
from ui.components import heading, hint
from ui.i18n.text import EN, LANGUAGES, say, t
from ui.takes import downloads, result_view
from ui.takes.session import Take

NAMES = ("A", "B", "C", "D")
SCRIPT = Path(__file__).with_name("compare.js").read_text("utf-8")
CSS = Path(__file__).with_name("compare.css")

# The initial variants: two that are on and differ, and two that are off.
STARTS: tuple[dict[str, Any], ...] = (
    {"on": True, "base": "speech"},
    {"on": True, "base": "speech", "instruction": say("instruction.example.smile")},
    {"on": False, "base": "pose"},
    {"on": False, "base": "speech", "seed": 1},
)
MAX_KEYS = 4  # keyframes of a track that the table lists
OWN = ("instruction", "seed", "guidance", "steps")  # the settings that a variant may override
# The same in all variants, or shown by `base`.
HIDDEN = ("gaia_recipe", "portrait", "speech", "text")


@dataclass(frozen=True)
class Variant:
    """The controls of one variant; an empty field takes the value under Advanced."""

    on: gr.Checkbox
    base: gr.Dropdown
    body: gr.Column
    instruction: gr.Textbox
    seed: gr.Textbox
    guidance: gr.Textbox
    steps: gr.Textbox

    def inputs(self) -> list[Any]:
        return [self.on, self.base, *(getattr(self, name) for name in OWN)]


@dataclass(frozen=True)
class Card:
    card: gr.Column
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Grid:
    """The grid of finished variants, and the two buttons."""

    card: gr.Column
    status: gr.HTML
    player: gr.HTML
    table: gr.HTML
    again: gr.Row
    pack: gr.Button
    file: gr.DownloadButton
    actions: gr.Row
    estimate: gr.HTML
    generate: gr.Button
    stop: gr.Button
    state: gr.State

    def all(self) -> list[Any]:
        parts = (getattr(self, name) for name in self.__dataclass_fields__)
        return [part for part in parts if part is not self.card]


@dataclass(frozen=True)
class Compared:
    """A finished variant.

    Attributes:
        title: its settings in a few words.
        seconds: the time it took.
    """

    name: str
    title: str
    take: Take
    measures: Measures | None
    seconds: float


@dataclass
class Comparison:
    """The finished variants of the visitor's last comparison; changed in place."""

    made: list[Compared] = field(default_factory=list)


# Layout


def card() -> Card:
    with gr.Column(elem_classes="card", elem_id="compare-card", visible=False) as column:
        heading("compare")
        hint("compare.info")
        variants = tuple(_variant(*pair) for pair in zip(NAMES, STARTS, strict=True))
    return Card(column, variants)


def _variant(name: str, start: Mapping[str, Any]) -> Variant:
    key = f"variant-{name.lower()}"
    with gr.Column(elem_classes="variant", elem_id=key):
        with gr.Row(elem_classes="variant-head"):
            on = gr.Checkbox(
                start["on"], label=name, container=False, scale=0, min_width=52, elem_id=f"{key}-on"
            )
            base = gr.Dropdown(
                [(t(f"compare.base.{mode}"), mode) for mode in MODES],
                value=start["base"],
                label=t("compare.base"),
                show_label=False,
                container=False,
                elem_id=f"{key}-base",
            )
        with gr.Column(visible=start["on"], elem_classes="variant-body") as body:
            instruction = gr.Textbox(
                start.get("instruction", ""),
                label=t("compare.instruction"),
                placeholder=t("instruction.placeholder"),
                max_length=SETTINGS["instruction"].longest,
                max_lines=3,
                elem_id=f"{key}-instruction",
            )
            with gr.Row(elem_classes="variant-numbers"):
                seed, guidance, steps = (_figures(name, start, key) for name in OWN[1:])
    return Variant(on, base, body, instruction, seed, guidance, steps)


def _figures(name: str, start: Mapping[str, Any], key: str) -> gr.Textbox:
    """A field for an optional number; an empty `gr.Number` would show 0."""
    return gr.Textbox(
        str(start.get(name, "")),
        label=t(f"{name}.label"),
        placeholder=t("compare.same"),
        max_lines=1,
        max_length=12,
        min_width=70,
        elem_id=f"{key}-{name}",
    )


def actions() -> tuple[gr.Row, gr.HTML, gr.Button, gr.Button]:
    with gr.Row(elem_classes="actions", visible=False) as row:
        estimate = gr.HTML("", apply_default_css=False, elem_id="compare-estimate")
        generate = gr.Button(
            t("compare.generate"), variant="primary", size="lg", elem_id="compare-generate"
        )
        stop = gr.Button(
            t("stop"), variant="stop", size="lg", visible=False, elem_id="compare-stop"
        )
    return row, estimate, generate, stop


def grid(actions: gr.Row, estimate: gr.HTML, generate: gr.Button, stop: gr.Button) -> Grid:
    with gr.Column(elem_classes="card", elem_id="compare-result", visible=False) as column:
        shown = gr.HTML(
            result_view.message(say("compare.empty"), say("compare.empty.hint")),
            elem_id="compare-status",
        )
        player = gr.HTML(
            value={"takes": []},
            html_template="",
            js_on_load=f"const CONFIG = {_config()};\n{SCRIPT}",
            apply_default_css=False,
            elem_id="compare-player",
        )
        table = gr.HTML("", visible=False, apply_default_css=False, elem_id="compare-table")
        with gr.Row(elem_classes="chips", visible=False) as again:
            pack = gr.Button(t("compare.pack"), size="sm", elem_id="compare-pack")
            hint("compare.pack.info")
            file = downloads.hidden("compare-file")
    return Grid(
        card=column,
        status=shown,
        player=player,
        table=table,
        again=again,
        pack=pack,
        file=file,
        actions=actions,
        estimate=estimate,
        generate=generate,
        stop=stop,
        state=gr.State(Comparison()),
    )


def _config() -> str:
    words = {
        code: {key.removeprefix("player."): text for key, text in table.items() if "player." in key}
        for code, table in LANGUAGES.items()
    }
    return json.dumps({"words": words, "frame": 1 / FPS}, ensure_ascii=False)


# Differences and measures


def title(base: str, own: Mapping[str, Any]) -> str:
    """The settings of a variant in a few words."""
    parts = [say(f"compare.base.{base}")]
    if own.get("instruction") and base != "text":
        parts.append(say("compare.instructed"))
    parts += [
        f"{say(f'{name}.label')} {own[name]:.10g}" for name in OWN[1:] if own.get(name) is not None
    ]
    return ", ".join(parts)


def played(made: Sequence[Compared]) -> dict[str, Any]:
    """The value of the player."""
    return {
        "takes": [
            {
                "name": one.name,
                "title": one.title,
                "video": FileData(path=str(one.take.video)).model_dump(),
            }
            for one in made
        ]
    }


def differences(recipes: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The recipe fields that differ, each with its values; of controls each track and strength."""
    flat = [_flat(recipe) for recipe in recipes]
    fields = dict.fromkeys(name for recipe in flat for name in recipe)
    found = {name: [recipe.get(name) for recipe in flat] for name in fields}
    return {name: given for name, given in found.items() if any(x != given[0] for x in given)}


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's fields that count, with those of its controls as `controls.strength.head`."""
    spoken = bool(recipe.get("text"))
    left_out = {*HIDDEN, "controls", *(() if spoken else ("voice",))}
    flat = {name: value for name, value in recipe.items() if name not in left_out}
    for part, values in (recipe.get("controls") or {}).items():
        flat |= {f"controls.{part}.{name}": value for name, value in values.items()}
    return flat


def measured(one: Compared) -> dict[str, float]:
    """The measures by name, and the time it took; NaN where there is none."""
    names = tuple(Measures.__dataclass_fields__)
    found = {name: getattr(one.measures, name, math.nan) for name in names}
    return {**found, "took": one.seconds}


def table(made: Sequence[Compared]) -> str:
    """The differing settings and the measures, as HTML."""
    if not made:
        return ""
    different = differences([one.take.recipe for one in made])
    numbers = [measured(one) for one in made]
    heads = "".join(
        f'<th scope="col"><b>{escape(one.name)}</b> {escape(one.title)}</th>' for one in made
    )
    rows = [
        _row(_label(name), "", [_words(name, value) for value in given])
        for name, given in different.items()
    ]
    if not rows:
        span = len(made) + 1
        rows = [f'<tr><td colspan="{span}">{escape(say("compare.equal"))}</td></tr>']
    rows.append(
        f'<tr class="compare-section"><th colspan="{len(made) + 1}" scope="rowgroup">'
        f"{escape(say('compare.measured'))}</th></tr>"
    )
    rows += [
        _row(
            say(f"measure.{name}"),
            say(f"measure.{name}.info"),
            [_figure(name, of[name]) for of in numbers],
        )
        for name in numbers[0]
    ]
    caption = escape(say("compare.table"))
    return (
        f'<div class="compare-scroll"><table class="compare-table"><caption>{caption}</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _label(field: str) -> str:
    """The label of a field of `differences`."""
    if field.startswith("controls."):
        _, part, name = field.split(".")
        return say(f"channel.{name}" if part == "tracks" else f"strength.{name}")
    key = f"compare.field.{field}"
    return say(key) if key in EN else SETTINGS[field].label


def _row(name: str, info: str, cells: Sequence[str]) -> str:
    shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    below = f"<small>{escape(info)}</small>" if info else ""
    return f'<tr><th scope="row">{escape(name)}{below}</th>{shown}</tr>'


def _words(name: str, value: Any) -> str:
    """The value of a field of `differences` in words."""
    if name.startswith("controls.strength."):
        return f"× {1 if value is None else value:g}"
    if value in (None, "", [], ()):
        return say("compare.none")
    if name.startswith("controls.tracks."):
        levels = [level for _, level, _ in value]
        if len(set(levels)) == 1:
            return f"{levels[0]:g}"
        keys = [f"{level:g} ({second:g} s)" for second, level, _ in value[:MAX_KEYS]]
        return ", ".join(keys + ["…"] * (len(value) > MAX_KEYS))
    if name == "drive":
        return say("compare.video")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figure(name: str, value: float) -> str:
    if not math.isfinite(value):
        return say("compare.none")
    return f"{value:.{0 if name == 'blinks' else 1}f}"


def pack(made: Sequence[Compared], folder: Path) -> Path:
    """Videos, recipes, the table and a side-by-side video, as one zip in a folder."""
    both = folder / "side-by-side.mp4"
    names = [f"{one.name}  {one.title}" for one in made]
    recipe = {"gaia_comparison": 1, "takes": [dict(one.take.recipe) for one in made]}
    side_by_side([one.take.video for one in made], names, both, recipe)
    path = folder / "gaia-comparison.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for one in made:
            archive.write(one.take.video, f"{one.name}.mp4")
            recipe_text = json.dumps(one.take.recipe, indent=2, ensure_ascii=False)
            archive.writestr(f"{one.name}.json", recipe_text)
        archive.writestr("comparison.csv", as_csv(made))
        archive.write(both, both.name)
    both.unlink()
    return path


def as_csv(made: Sequence[Compared]) -> str:
    """The table as CSV, with field names and unrounded numbers: a row per setting."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *(one.name for one in made)])
    writer.writerow(["title", *(one.title for one in made)])
    for name, given in differences([one.take.recipe for one in made]).items():
        plain = (str, int, float, type(None))
        cells = [x if isinstance(x, plain) else json.dumps(x, ensure_ascii=False) for x in given]
        writer.writerow([name, *cells])
    numbers = [measured(one) for one in made]
    for name in numbers[0]:
        cells = [of[name] if math.isfinite(of[name]) else "" for of in numbers]
        writer.writerow([name, *cells])
    return text.getvalue()
