"""Comparisons: one portrait and speech in several settings, made and measured from one file.

The file, `compare.json`, holds what all takes share as the fields of a batch's job (paths as seen
from the file), and in `takes` what each of them changes:

    {"gaia_compare": 1, "portrait": "me.jpg", "text": "Hello.", "columns": 2, "takes": [
        {"name": "A", "guidance": 1}, {"name": "B", "guidance": 4, "weights": "other/weights"}]}

`write` puts such a file beside the videos, so that `gaia compare` makes them again.
"""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaia_core import MAX_RECORDING
from gaia_core.assets import WEIGHTS
from gaia_core.batch import names_a_file, read_request
from gaia_core.errors import InputError
from gaia_core.media.grid import side_by_side
from gaia_core.motion.measures import Measures
from gaia_core.request import MEDIA, Request, Result, parse_json

VERSION = 1
FILE = "compare.json"
MOST = 9  # takes: three by three
OWN = ("name", "title", "weights")  # what a take has besides fields of a recipe


@dataclass(frozen=True)
class Variant:
    """A take to be made.

    Attributes:
        name: of its files.
        title: its settings in a few words.
        weights: folder of trained weights; None for those of the comparison.
    """

    name: str
    title: str
    request: Request
    weights: Path | None = None


@dataclass(frozen=True)
class Compared:
    """A finished take.

    Attributes:
        recipe: of the video.
        measures: None if the engine has none.
        seconds: that it took.
    """

    variant: Variant
    video: Path
    recipe: Mapping[str, Any]
    measures: Measures | None
    seconds: float

    @property
    def name(self) -> str:
        """Of its files."""
        return self.variant.name

    @property
    def title(self) -> str:
        """Its settings in a few words."""
        return self.variant.title

    @property
    def settings(self) -> dict[str, Any]:
        """Its recipe, and the name of weights of its own."""
        weights = self.variant.weights
        return {**self.recipe, "weights": weights.name if weights else None}


def read(path: Path) -> tuple[list[Variant], int]:
    """The takes of a file, and in how many columns they are shown.

    Raises:
        InputError: it is not such a file, or a take cannot be made.
    """
    try:
        shared = dict(parse_json(path.read_text("utf-8")))
        version, takes = shared.pop("gaia_compare"), shared.pop("takes")
        columns = shared.pop("columns", len(takes))
        own = [dict(take) for take in takes]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            "{path} is no comparison; give a JSON file with gaia_compare and takes.", path=path
        ) from error
    if version != VERSION:
        raise InputError("This is not a comparison of version {version}.", version=VERSION)
    if not 1 <= len(own) <= MOST:
        raise InputError("A comparison has 1 to {most} takes; change their number.", most=MOST)
    if not isinstance(columns, int) or not 1 <= columns <= MOST:
        raise InputError("A comparison has 1 to {most} columns; change their number.", most=MOST)
    names = [str(take.get("name", "")) for take in own]
    if len(set(names)) < len(names) or not all(map(names_a_file, names)):
        raise InputError("Give each take of the comparison a name of its own, like A.")
    return [_variant(shared, take, path.parent) for take in own], columns


def _variant(shared: dict[str, Any], own: dict[str, Any], folder: Path) -> Variant:
    name, changes = str(own["name"]), {k: v for k, v in own.items() if k not in OWN}
    in_words = ", ".join(f"{key} {_cell(value)}" for key, value in changes.items())
    weights = (folder / str(own["weights"])).resolve() if own.get("weights") else None
    try:
        request = read_request({**shared, **changes}, folder)
    except InputError as error:
        raise InputError("Take {name}: {sentence}", name=name, sentence=error.message) from None
    return Variant(name, str(own.get("title", in_words)), request, weights)


def make(variants: Sequence[Variant], out: Path, weights: Path = WEIGHTS) -> Iterator[Compared]:
    """Makes each take in a folder, one after the other.

    Raises:
        InputError: as `Gaia.generate`; the takes before it are kept.
    """
    from gaia_core.pipeline import Gaia

    loaded: tuple[Path, Gaia] | None = None
    for variant in variants:
        wanted = variant.weights or weights
        if loaded is None or loaded[0] != wanted:
            loaded = wanted, Gaia.load(wanted)
        gaia, began = loaded[1], time.monotonic()
        video = out / f"{variant.name}.mp4"
        for event in gaia.generate(variant.request, video, max_seconds=MAX_RECORDING):
            if isinstance(event, Result):
                result = event
        took = time.monotonic() - began
        yield Compared(variant, video, result.recipe, gaia.measure(result), took)


def write(made: Sequence[Compared], folder: Path, columns: int) -> list[Path]:
    """Writes what belongs to a comparison into a folder; returns the files.

    Videos and recipes by name, `comparison.csv`, `side-by-side.mp4`, and `compare.json` with the
    media that it names.
    """
    files = []
    for one in made:
        video, recipe = folder / f"{one.name}.mp4", folder / f"{one.name}.json"
        _copy(one.video, video)
        recipe.write_text(_json(dict(one.recipe)), "utf-8")
        files += [video, recipe]
    described, media = describe(made, columns)
    for name, source in media.items():
        (folder / name).parent.mkdir(exist_ok=True)
        _copy(source, folder / name)
        files.append(folder / name)
    both, numbers, again = (folder / name for name in ("side-by-side.mp4", "comparison.csv", FILE))
    again.write_text(_json(described), "utf-8")
    numbers.write_text(as_csv(made), "utf-8")
    names = [f"{one.name}  {one.title}" for one in made]
    side_by_side([one.video for one in made], names, both, described, columns)
    return [*files, both, numbers, again]


def _copy(source: Path, target: Path) -> None:
    if source.resolve() != target.resolve():  # made again in its own folder
        shutil.copyfile(source, target)


def describe(made: Sequence[Compared], columns: int) -> tuple[dict[str, Any], dict[str, Path]]:
    """The content of `compare.json`, and its media: names in the folder, and files."""
    media: dict[str, Path] = {}
    recipes = [_with_media(one, media) for one in made]
    first = recipes[0]
    shared = {k: v for k, v in first.items() if all(other.get(k) == v for other in recipes)}
    takes = [
        {"name": one.name, "title": one.title}
        | ({"weights": str(one.variant.weights)} if one.variant.weights else {})
        | {name: value for name, value in recipe.items() if name not in shared}
        for one, recipe in zip(made, recipes, strict=True)
    ]
    return {"gaia_compare": VERSION, **shared, "columns": columns, "takes": takes}, media


def _with_media(one: Compared, media: dict[str, Path]) -> dict[str, Any]:
    """A recipe with names of files in place of hashes; adds these to `media`."""
    recipe = {name: value for name, value in one.recipe.items() if name != "gaia_recipe"}
    for field in MEDIA:
        source = getattr(one.variant.request, field)
        if source is not None:
            # Named by content: two recordings may have one name.
            name = f"media/{field}-{str(recipe[field])[:8]}{source.suffix.lower()}"
            media[name], recipe[field] = source, name
    return recipe


def differences(recipes: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings that differ, each with its values; of controls each track and strength."""
    flat = [_flat(recipe) for recipe in recipes]
    fields = dict.fromkeys(name for recipe in flat for name in recipe)
    found = {name: [recipe.get(name) for recipe in flat] for name in fields}
    return {name: given for name, given in found.items() if any(x != given[0] for x in given)}


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's fields that count, with those of its controls as `controls.strength.head`."""
    left_out = {"gaia_recipe", "controls", *(() if recipe.get("text") else ("voice",))}
    flat = {name: value for name, value in recipe.items() if name not in left_out}
    for part, values in (recipe.get("controls") or {}).items():
        flat |= {f"controls.{part}.{name}": value for name, value in values.items()}
    return flat


def measured(one: Compared) -> dict[str, float]:
    """The measures by name, and the time it took; NaN where there is none."""
    names = tuple(Measures.__dataclass_fields__)
    found = {name: getattr(one.measures, name, math.nan) for name in names}
    return {**found, "took": one.seconds}


def as_csv(made: Sequence[Compared]) -> str:
    """What differs and what was measured as CSV, unrounded: a row per field."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *(one.name for one in made)])
    writer.writerow(["title", *(one.title for one in made)])
    for name, given in differences([one.settings for one in made]).items():
        writer.writerow([name, *map(_cell, given)])
    numbers = [measured(one) for one in made]
    for name in numbers[0]:
        cells = [of[name] if math.isfinite(of[name]) else "" for of in numbers]
        writer.writerow([name, *cells])
    return text.getvalue()


def format_table(made: Sequence[Compared]) -> str:
    """The measures as text, a line per take."""
    names = [*Measures.__dataclass_fields__, "took"]
    rows = [["", *names, ""]]
    for one in made:
        numbers = measured(one)
        rows.append([one.name, *(f"{numbers[name]:.2f}" for name in names), one.title])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0  # titles stand last, of any length
    lines = (zip(row, widths, strict=True) for row in rows)
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in line).rstrip() for line in lines
    )


def _cell(value: Any) -> Any:
    plain = isinstance(value, str | int | float | None)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
