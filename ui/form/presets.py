"""Named presets of settings, stored in the browser only, without media and texts."""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.controls import is_number
from gaia_core.errors import InputError
from gaia_core.request import SETTINGS
from ui.components import Inputs, Updates
from ui.form.admission import FORM
from ui.i18n.text import say, t
from ui.toasts import toasts

MAX_PRESETS = 30
MAX_NAME = 40
KEPT = (
    *(name for name, declared in SETTINGS.items() if declared.preset and name in FORM),
    *("random", "take", "groups"),
)
SLIDERS = ("strength", "expression")


@dataclass(frozen=True)
class Presets:
    """The names to choose from, or a new one; the values are in `kept`."""

    name: gr.Dropdown
    save: gr.Button
    delete: gr.Button
    kept: gr.BrowserState


def panel() -> Presets:
    with gr.Accordion(t("presets"), open=False, elem_id="own-presets"):
        name = gr.Dropdown(
            [],
            value=None,
            label=t("presets.label"),
            info=t("presets.info"),
            allow_custom_value=True,
            elem_id="preset",
        )
        with gr.Row(elem_classes="chips"):
            save = gr.Button(t("presets.save"), size="sm", elem_id="preset-save")
            delete = gr.Button(t("presets.delete"), size="sm", elem_id="preset-delete")
    # With a random key or secret nothing could be read after a restart.
    kept = gr.BrowserState({}, storage_key="gaia-presets", secret="not a secret")
    return Presets(name, save, delete, kept)


def controls(inputs: Inputs) -> list[Component]:
    """The components that a preset sets."""
    sliders = [part for name in SLIDERS for part in getattr(inputs, name).values()]
    return [*(getattr(inputs, name) for name in KEPT), *sliders]


def names(kept: Any) -> Any:
    """The choices when the page is opened."""
    return gr.update(choices=sorted(_read(kept)))


def save(inputs: Inputs, presets: Presets) -> Callable[[dict[Component, Any]], Updates]:
    """Saves the current settings under the typed or selected name."""

    def on_save(values: dict[Component, Any]) -> Updates:
        with toasts(page=True):
            name = _name(values[presets.name])
            found = {key: values[getattr(inputs, key)] for key in KEPT}
            for key in SLIDERS:
                found[key] = {k: values[part] for k, part in getattr(inputs, key).items()}
            kept = {**_read(values[presets.kept]), name: found}
            if len(kept) > MAX_PRESETS:
                raise InputError(say("error.presets", count=MAX_PRESETS))
            gr.Info(say("presets.saved", name=name))
            return {presets.kept: kept, presets.name: gr.update(choices=sorted(kept), value=name)}

    return on_save


def choose(inputs: Inputs, presets: Presets) -> Callable[[Any, Any], Updates]:
    """Applies the selected preset; a new name changes nothing."""

    def on_choose(name: Any, kept: Any) -> Updates:
        found = _read(kept).get(name) if isinstance(name, str) else None
        updates: Updates = {presets.name: gr.skip()}
        for part, value in _values(inputs, found or {}):
            if fits(part, value):
                updates[part] = value
        return updates

    return on_choose


def delete(presets: Presets) -> Callable[[Any, Any], Updates]:
    """Deletes the selected preset."""

    def on_delete(name: Any, kept: Any) -> Updates:
        left = {key: value for key, value in _read(kept).items() if key != name}
        return {presets.kept: left, presets.name: gr.update(choices=sorted(left), value=None)}

    return on_delete


def _read(kept: Any) -> dict[str, dict[str, Any]]:
    """The presets in the browser's storage, without invalid ones."""
    given = kept if isinstance(kept, dict) else {}
    return {name: value for name, value in given.items() if isinstance(value, dict)}


def _values(inputs: Inputs, found: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The components of a preset, each with its value."""
    for key in KEPT:
        yield getattr(inputs, key), found.get(key)
    for key in SLIDERS:
        values = found.get(key)
        for name, slider in getattr(inputs, key).items():
            yield slider, values.get(name) if isinstance(values, dict) else None


def fits(part: Any, value: Any) -> bool:
    """Whether a value from the browser's storage is valid for a component."""
    if isinstance(part, gr.Checkbox):
        return isinstance(value, bool)
    if isinstance(part, gr.Slider | gr.Number):
        low, high = part.minimum, part.maximum
        above = is_number(value) and (low is None or low <= value)
        return above and (high is None or value <= high)
    chosen = value if isinstance(part, gr.CheckboxGroup) else [value]
    choices = [choice for _, choice in part.choices]
    return isinstance(chosen, list) and all(one in choices for one in chosen)


def _name(given: Any) -> str:
    name = given.strip() if isinstance(given, str) else ""
    if not name or len(name) > MAX_NAME:
        raise InputError(say("error.preset", count=MAX_NAME))
    return name
