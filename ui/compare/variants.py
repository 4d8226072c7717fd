"""What shall be compared: up to four variants, or a grid over two settings; and their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.comparison import Variant
from gaia_core.controls import STRENGTHS
from gaia_core.errors import InputError
from gaia_core.request import SETTINGS
from gaia_core.settings import MODES
from ui.components import heading, hint, segmented
from ui.form.admission import Form, RawRequest, admit
from ui.i18n.text import say, t

NAMES = tuple("ABCDEFGHI")
WAYS = ("variants", "grid")
# The initial variants: two that are on and differ, and two that are off.
STARTS: tuple[dict[str, Any], ...] = (
    {"on": True, "base": "speech"},
    {"on": True, "base": "speech", "instruction": say("instruction.example.smile")},
    {"on": False, "base": "pose"},
    {"on": False, "base": "speech", "seed": 1},
)
WEIGHTS = "weights"  # a setting of the comparison alone: no recipe has it
# The settings that a variant may override.
OWN = ("instruction", "seed", "guidance", "steps", WEIGHTS)
# The settings that a grid may go over, with values to begin with.
STRENGTH = "strength."
AXES = {
    "seed": "1, 2, 3",
    "guidance": "1, 2.5, 4",
    "liveliness": "0.5, 1, 1.5",
    "steps": "4, 16, 50",
} | {f"{STRENGTH}{name}": "0.5, 1, 1.5" for name in STRENGTHS}
MOST = 3  # values of an axis


@dataclass(frozen=True)
class Fields:
    """The controls of one variant; an empty field takes the value under Advanced."""

    on: gr.Checkbox
    base: gr.Dropdown
    body: gr.Column
    instruction: gr.Textbox
    seed: gr.Textbox
    guidance: gr.Textbox
    steps: gr.Textbox
    weights: gr.Dropdown

    def inputs(self) -> list[Component]:
        return [self.on, self.base, *(getattr(self, name) for name in OWN)]


@dataclass(frozen=True)
class Axis:
    """A setting and its values, "1, 2.5, 4"; without values it is left as it is."""

    setting: gr.Dropdown
    values: gr.Textbox


@dataclass(frozen=True)
class Card:
    """The variants and the grid, of which `way` chooses one.

    Attributes:
        axes: the settings that a grid may go over, with values to begin with.
        weights: folders by their name; None is the studio's own.
    """

    card: gr.Column
    way: gr.Radio
    one_by_one: gr.Column
    variants: tuple[Fields, ...]
    over: gr.Column
    base: gr.Dropdown
    rows: Axis
    columns: Axis
    axes: Mapping[str, str]
    weights: Mapping[str, Path | None]

    def inputs(self) -> list[Component]:
        axes = (part for axis in (self.rows, self.columns) for part in (axis.setting, axis.values))
        fields = (part for each in self.variants for part in each.inputs())
        return [self.way, self.base, *axes, *fields]


@dataclass(frozen=True)
class Plan:
    """A take to be made.

    Attributes:
        base: the tab that it takes its movement from.
        own: the settings that it does not share.
        based: whether its title tells the base, which all takes of a grid share.
    """

    name: str
    base: str
    own: dict[str, Any]
    based: bool = True

    def title(self) -> str:
        """Its settings in a few words."""
        parts = [say(f"compare.base.{self.base}")] if self.based or not self.own else []
        if self.own.get("instruction") and self.base != "text":
            parts.append(say("compare.instructed"))
        parts += [
            f"{_label(name)} {value if name == WEIGHTS else f'{value:.10g}'}"
            for name, value in self.own.items()
            if name != "instruction"
        ]
        return ", ".join(parts)

    def request(self, raw: RawRequest) -> RawRequest:
        """A request with the settings of its own."""
        strengths = {
            name.removeprefix(STRENGTH): value
            for name, value in self.own.items()
            if name.startswith(STRENGTH)
        }
        plain = {name: value for name, value in self.own.items() if name in SETTINGS}
        if strengths:
            given = dict(raw.controls or {"tracks": {}, "strength": {}})
            plain["controls"] = {**given, "strength": {**given["strength"], **strengths}}
        return replace(raw, **plain)


# Layout


def card(own: Path, others: Sequence[Path]) -> Card:
    """The card; without other weights than the studio's own nothing tells of them.

    Raises:
        InputError: two folders have one name.
    """
    weights: dict[str, Path | None] = {own.name: None}
    for folder in others:
        if folder.name in weights:
            raise InputError(say("compare.error.folders", name=folder.name))
        weights[folder.name] = folder
    axes = AXES | ({WEIGHTS: ", ".join([*weights][:MOST])} if others else {})
    with gr.Column(elem_classes="card", elem_id="compare-card", visible=False) as column:
        heading("compare")
        choices = [(t(f"compare.way.{name}"), name) for name in WAYS]
        way = segmented("compare.way", choices, WAYS[0], "compare-way")
        with gr.Column(elem_classes="way") as one_by_one:
            hint("compare.info")
            variants = tuple(
                _fields(name, start, [*weights])
                for name, start in zip(NAMES[: len(STARTS)], STARTS, strict=True)
            )
        with gr.Column(visible=False, elem_classes="way") as over:
            hint("compare.grid.info")
            base = _base("speech", "compare-grid-base", show_label=True)
            rows, columns = _axis("rows", "guidance", axes), _axis("columns", "seed", axes)
    return Card(column, way, one_by_one, variants, over, base, rows, columns, axes, weights)


def _fields(name: str, start: Mapping[str, Any], weights: Sequence[str]) -> Fields:
    key = f"variant-{name.lower()}"
    with gr.Column(elem_classes="variant", elem_id=key):
        with gr.Row(elem_classes="variant-head"):
            on = gr.Checkbox(
                start["on"], label=name, container=False, scale=0, min_width=52, elem_id=f"{key}-on"
            )
            base = _base(start["base"], f"{key}-base", show_label=False)
        with gr.Column(visible=start["on"], elem_classes="variant-body") as body:
            instruction = gr.Textbox(
                start.get("instruction", ""),
                label=t("compare.instruction"),
                placeholder=t("compare.same"),
                max_length=SETTINGS["instruction"].longest,
                max_lines=3,
                elem_id=f"{key}-instruction",
            )
            with gr.Row(elem_classes="variant-numbers"):
                numbers = ("seed", "guidance", "steps")
                seed, guidance, steps = (_figures(name, start, key) for name in numbers)
            chosen = gr.Dropdown(
                list(weights),
                value=weights[0],
                label=t(_key(WEIGHTS)),
                visible=len(weights) > 1,
                elem_id=f"{key}-weights",
            )
    return Fields(on, base, body, instruction, seed, guidance, steps, chosen)


def _base(chosen: str, elem_id: str, show_label: bool) -> gr.Dropdown:
    return gr.Dropdown(
        [(t(f"compare.base.{mode}"), mode) for mode in MODES],
        value=chosen,
        label=t("compare.base"),
        show_label=show_label,
        container=show_label,
        elem_id=elem_id,
    )


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


def _axis(name: str, chosen: str, axes: Mapping[str, str]) -> Axis:
    with gr.Row(elem_classes="pair"):
        setting = gr.Dropdown(
            [(t(_key(setting)), setting) for setting in axes],
            value=chosen,
            label=t(f"compare.{name}"),
            elem_id=f"compare-{name}",
        )
        values = gr.Textbox(
            axes[chosen],
            label=t("compare.values"),
            max_lines=1,
            max_length=120,
            elem_id=f"compare-{name}-values",
        )
    return Axis(setting, values)


def _key(setting: str) -> str:
    """The key of a setting's label; an axis over a strength says so."""
    return f"compare.{setting}" if setting.startswith(STRENGTH) else f"{setting}.label"


def _label(setting: str) -> str:
    return say(_key(setting))


# Values


def planned(values: Mapping[Component, Any], card: Card) -> tuple[list[Plan], int]:
    """What shall be made, unchecked, and in how many columns it is shown.

    Raises:
        InputError: nothing is selected, or a field cannot be read.
    """
    found, columns = _over(values, card) if values[card.way] == "grid" else _selected(values, card)
    if any(plan.base not in MODES for plan in found):
        raise InputError(say("error.mode"))
    return found, columns


def wanted(values: Mapping[Component, Any], form: Form, card: Card) -> tuple[list[Variant], int]:
    """The takes of `planned`, all checked before the first is made."""
    plans, columns = planned(values, card)
    seed, found = None, []
    for plan in plans:
        try:
            instruction = plan.own.get("instruction", form.instruction)
            raw = replace(form, mode=plan.base, instruction=instruction).raw_request()
            seed = raw.seed if seed is None else seed  # drawn once for all
            request = admit(plan.request(replace(raw, seed=seed)))
        except InputError as error:
            sentence = error.message
            raise InputError(say("compare.wrong", name=plan.name, sentence=sentence)) from None
        weights = card.weights[plan.own[WEIGHTS]] if WEIGHTS in plan.own else None
        found.append(Variant(plan.name, plan.title(), request, weights))
    return found, columns


def _selected(values: Mapping[Component, Any], card: Card) -> tuple[list[Plan], int]:
    found = []
    for name, fields in zip(NAMES, card.variants, strict=False):
        if not values[fields.on]:
            continue
        own: dict[str, Any] = {}
        for key in OWN:
            given = values[getattr(fields, key)]
            if isinstance(given, str) and given.strip():
                try:
                    own[key] = given.strip() if key == "instruction" else _value(key, given, card)
                except InputError as error:
                    sentence = error.message
                    raise InputError(say("compare.wrong", name=name, sentence=sentence)) from None
        if WEIGHTS in own and card.weights[own[WEIGHTS]] is None:
            del own[WEIGHTS]  # nothing of its own
        found.append(Plan(name, values[fields.base], own))
    if not found:
        raise InputError(say("compare.error.none"))
    return found, 2


def _over(values: Mapping[Component, Any], card: Card) -> tuple[list[Plan], int]:
    axes: list[tuple[str, list[Any]]] = []
    for axis in (card.rows, card.columns):
        setting, given = values[axis.setting], values[axis.values]
        if setting not in card.axes or not isinstance(given, str):
            raise InputError(say("compare.error.axis"))
        # A comma separates: decimals take a point here.
        chosen = [_value(setting, one, card) for one in given.split(",") if one.strip()]
        if len(chosen) > MOST:
            raise InputError(say("compare.error.many", setting=_label(setting), most=MOST))
        axes.append((setting, chosen))
    (first, downwards), (second, across) = axes
    if downwards and across and first == second:
        raise InputError(say("compare.error.same"))
    downs = [{first: value} for value in downwards] or [{}]
    sides = [{second: value} for value in across] or [{}]
    owns = ({**down, **side} for down, side in product(downs, sides))
    base = values[card.base]
    plans = [Plan(name, base, own, False) for name, own in zip(NAMES, owns, strict=False)]
    return plans, len(sides)


def _value(field: str, text: str, card: Card) -> Any:
    """A number, or the name of weights."""
    if field == WEIGHTS:
        if text.strip() not in card.weights:
            names = ", ".join(card.weights)
            raise InputError(say("compare.error.weights", name=text.strip(), names=names))
        return text.strip()
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise InputError(say("error.number", field=_label(field))) from None
