"""All use of Gradio's internals, so that an upgrade concerns this file alone.

Private names of its Python, its DOM and its texts. Rules for its markup are in
`gradio_compat.css`. Written for Gradio 6.31; each has a test in `tests/ui/test_gradio_compat.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio import processing_utils, routes
from gradio.context import Context, LocalContext
from gradio.utils import get_upload_folder

CSS = Path(__file__).with_name("gradio_compat.css")
KEEP_STREAM = f"<script>{Path(__file__).with_name('gradio_compat.js').read_text('utf-8')}</script>"

# Gradio shows the place in the queue only in its own tracker, as "queue: 2/3". The tracker is
# hidden (`#queue`), and its text is copied to the elements of class `status-queue`, whose
# `data-words` has the visitor's translation. The tracker counts tenths of seconds, so the time in
# `status-ready` (`data-seconds` when it was drawn) counts down with it.
SHOW_PLACE = r"""const tracker = element.closest("#queue");
const show = () => {
  const places = document.querySelectorAll(".status-queue");
  for (const time of document.querySelectorAll(".status-ready")) {
    time.began ??= performance.now();
    const left = Math.max(1, time.dataset.seconds - (performance.now() - time.began) / 1000);
    const [words, count] = left < 90 ? ["short", left] : ["long", left / 60];
    time.textContent = time.dataset[words].replace("{count}", Math.round(count));
  }
  const [, number, size] = (tracker.textContent || "").match(/queue:\s*(\d+)\/(\d+)/) ?? [];
  if (!number) return;
  for (const place of places)
    place.textContent = place.dataset.words.replace("{number}", number).replace("{size}", size);
};
new MutationObserver(show).observe(tracker, {subtree: true, childList: true, characterData: true});
"""

# Gradio marks every page as English; screen readers and line breaks depend on it.
LANGUAGE = """<script>
document.documentElement.lang = navigator.language.startsWith("zh") ? "zh-CN" : "en";
</script>"""

# Closes all toasts.
CLOSE_TOASTS = """() => {
  for (const cross of document.querySelectorAll(".toast-close")) cross.click();
  return [];
}"""

# Closes them whenever a primary button is pressed: Generate and the like. It hears of it first, so
# that they go even if something else stops the press, as a missing consent does.
CLOSE_TOASTS_ON_PRIMARY = f"""() => {{
  window.addEventListener("click", ({{target}}) => {{
    if (target.closest("button.primary")) ({CLOSE_TOASTS})();
  }}, true);
  return [];
}}"""

# What a script returns to disable a button.
DISABLE = """() => ({__type__: "update", interactive: false})"""

_PRESS = """() => {
  setTimeout(() => document.querySelector("#ELEMENT a, a#ELEMENT, button#ELEMENT")?.click(), DELAY);
  return [];
}"""


# Python


def event_data(event: gr.EventData) -> Mapping[str, Any]:
    """The data that the script of a `gr.HTML` sent with an event; {} if not an object."""
    return event._data if isinstance(event._data, dict) else {}


def in_order(components: Iterable[Any]) -> list[Any]:
    """Components in the order of their creation, which that of a set is not."""
    return sorted(components, key=lambda component: component._id)


def accepted_languages() -> str:
    """The Accept-Language header of the current event; "" outside of events."""
    request = LocalContext.request.get(None)
    return "" if request is None else request.headers.get("accept-language") or ""


def waiting(concurrency_id: str) -> list[str]:
    """The visitors (session hashes) whose events wait in a queue, next first; [] outside events."""
    blocks = LocalContext.blocks.get(None)
    if blocks is None:
        return []
    queue = blocks._queue.event_queue_per_concurrency_id.get(concurrency_id)
    return [] if queue is None else [event.session_hash for event in queue.queue]


def cache() -> Path:
    """The folder that Gradio puts uploads into and serves files from."""
    return Path(get_upload_folder()).resolve()


def address(path: Path) -> str:
    """The address, relative to the page, of a file in a folder given to `gr.set_static_paths`."""
    return f"gradio_api/file={quote(path.as_posix())}"


def streaming_possible() -> bool:
    """Whether Gradio's player can stream: it calls both programs."""
    return all(shutil.which(name) for name in ("ffmpeg", "ffprobe"))


# With ffmpeg installed, Gradio calls ffprobe for every video and fails without it.
processing_utils.ffmpeg_installed = streaming_possible


# The API


@dataclass(frozen=True)
class Argument:
    """What the page of the API says about an argument of an endpoint.

    `example` is part of the example of a call; None if the default will do.
    """

    description: str
    example: Any = None


def example_file(name: str) -> dict[str, Any]:
    """A file in the example of a call, which a program gives by `handle_file`."""
    return {"path": name, "url": name, "meta": {"_type": "gradio.FileData"}}


def serve(
    fn: Callable[..., Any], api_name: str, arguments: Mapping[str, Argument], **limits: Any
) -> None:
    """`gr.api` that describes its arguments, which Gradio does for components alone."""
    made = gr.api(fn, api_name=api_name, **limits)
    assert Context.root_block is not None
    for (name, argument), number in zip(arguments.items(), made["inputs"], strict=True):
        part: Any = Context.root_block.blocks[number]
        part.label = name
        part._api_info = {**part._api_info, "additional_description": argument.description}
        part.example_payload = lambda example=argument.example: example


_code_snippets = routes.generate_code_snippets


def _short_snippets(name: str, endpoint: dict[str, Any], *given: Any, **named: Any) -> Any:
    """Gradio's examples of a call, with `Argument.example` and without arguments that lack one."""
    shown = [
        {**each, "parameter_has_default": False}
        for each in endpoint["parameters"]
        if each["example_input"] is not None
    ]
    return _code_snippets(name, {**endpoint, "parameters": shown}, *given, **named)


routes.generate_code_snippets = _short_snippets


# The page


def film(elem_id: str) -> str:
    """The selector of the video element in a `gr.Video`."""
    return f"#{elem_id} video"


def press(elem_id: str, delay: int = 0) -> str:
    """A script that presses a button, or the link of a download button, after `delay` ms."""
    return _PRESS.replace("ELEMENT", elem_id).replace("DELAY", str(delay))


def toast_titles(titles: Mapping[str, Mapping[str, str]]) -> str:
    """CSS for the titles of toasts: Gradio writes "Warning" and "Error" whatever the title.

    Args:
        titles: by language, then by kind of toast ("warning", "error").
    """
    return ".toast-title { font-size: 0 !important; }" + "".join(
        f':lang({code}) .toast-title.{kind}::before {{ content: "{title}"; font-size: 1rem; }}'
        for code, words in titles.items()
        for kind, title in words.items()
    )
