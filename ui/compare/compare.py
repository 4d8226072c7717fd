"""The finished takes of a comparison, in one player and one table, and as one zip.

What is compared is chosen in `compare.variants`; the events are in `compare.events`.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from gaia_core import FPS, comparison
from gaia_core.comparison import Compared
from ui.components import hint
from ui.i18n.text import LANGUAGES, say, t
from ui.takes import downloads, result_view, store

SCRIPT = Path(__file__).with_name("compare.js").read_text("utf-8")


@dataclass(frozen=True)
class Grid:
    """The grid of finished takes, and the two buttons."""

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


@dataclass
class Comparison:
    """The finished takes of the visitor's last comparison; changed in place."""

    made: list[Compared] = field(default_factory=list)
    columns: int = 2


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
            value=played(Comparison()),
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


def played(shown: Comparison) -> dict[str, Any]:
    """The value of the player."""
    takes = [
        {
            "name": one.name,
            "title": one.title,
            "video": FileData(path=str(one.video)).model_dump(),
        }
        for one in shown.made
    ]
    return {"takes": takes, "columns": shown.columns}


def pack(made: Sequence[Compared], columns: int, folder: Path) -> Path:
    """The comparison as one zip in a folder; `gaia compare` makes it again."""
    inside, path = folder / "comparison", folder / "gaia-comparison.zip"
    inside.mkdir()
    try:
        with zipfile.ZipFile(path, "w") as archive:
            for file in comparison.write(made, inside, columns):
                archive.write(file, file.relative_to(inside))
    finally:
        store.discard(inside)
    return path
