"""What a visitor has set and made comes back when the page is reloaded.

The form is kept in the browser's storage of the open tab (`sessionStorage`), which ends with the
tab; with it a random name by which the server finds the session again. Presets live longer, see
`presets`.
"""

# No postponed annotations here: Gradio reads a handler's hints as they stand.
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio.components import Component

from gaia_core.errors import InputError
from gaia_core.request import SETTINGS
from ui.components import Inputs, Updates
from ui.form import admission
from ui.form.events import speech_choices
from ui.form.presets import fits

DRAFT, VISIT = "gaia-draft", "gaia-visit"  # keys of the storage
FILES = {"portrait": "portrait", "upload": "speech", "recording": "speech", "drive": "drive"}
TEXTS = ("text", "instruction")
# Consent is asked for again.
LEFT_OUT = ("consent", "label")

# Both go to the server when the page opens. Nothing is kept before the answer: the controls appear
# with their first values.
_STORED = f'["{VISIT}", "{DRAFT}"].map((key) => sessionStorage.getItem(key) ?? "")'
OPEN = f"() => [...{_STORED}, null]"  # null: the session is the server's
OPENED = f"""(visit) => {{
  sessionStorage.setItem("{VISIT}", visit);
  window.visiting = true;
  return [];
}}"""
FORGET = f"""() => {{
  window.visiting = false;
  for (const key of ["{VISIT}", "{DRAFT}"]) sessionStorage.removeItem(key);
  window.location.reload();
  return [];
}}"""


def parts(inputs: Inputs) -> dict[str, Any]:
    """The kept controls by name; the sliders as `strength.head`."""
    found: dict[str, Any] = {}
    for name in admission.FORM:
        part = getattr(inputs, name)
        if name in LEFT_OUT:
            continue
        if isinstance(part, dict):
            found |= {f"{name}.{key}": slider for key, slider in part.items()}
        else:
            found[name] = part
    return found


def keep(inputs: Inputs) -> str:
    """The script that keeps the values of `parts`."""
    return f"""(...values) => {{
  const names = {json.dumps(list(parts(inputs)))};
  const draft = Object.fromEntries(names.map((name, i) => [name, values[i]]));
  if (window.visiting) sessionStorage.setItem("{DRAFT}", JSON.stringify(draft));
  return [];
}}"""


def restored(inputs: Inputs, kept: Any, modes: tuple[str, ...]) -> Updates:
    """The controls as they were kept; what no longer fits keeps its first value.

    Args:
        kept: JSON from the browser, which may hold anything.
        modes: the tabs.
    """
    try:
        given = json.loads(kept)
    except (TypeError, ValueError, RecursionError):
        return {}
    known = parts(inputs)
    if not isinstance(given, dict):
        return {}
    return {
        known[name]: update
        for name, value in given.items()
        if name in known
        for update in _update(name, known[name], value, modes)
    }


def _update(name: str, part: Component, value: Any, modes: tuple[str, ...]) -> Iterator[Any]:
    """The value of one control, if it is valid."""
    if name in FILES:
        with suppress(InputError):  # deleted meanwhile
            yield str(admission.uploaded(FILES[name], value))
    elif name in TEXTS:
        if isinstance(value, str) and len(value) <= (SETTINGS[name].longest or 0):
            yield value
    elif name == "mode":
        if value in modes:
            yield value
    elif name == "source":
        if value in admission.SOURCES:
            yield gr.update(choices=speech_choices("pose"), value=value)
    elif name == "timeline":
        with suppress(InputError):
            admission.tracks(value)
            yield {"keys": value["keys"], "span": None}
    elif fits(part, value):
        yield value
