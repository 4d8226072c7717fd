"""Tables of numbers in the documents, written from the JSON files that hold them.

A document marks where a table stands, and of which file, by its path from the project's folder:

    <!-- table: NAME FILE -->
    ...
    <!-- end -->

`rewrite` replaces the content between the marks. For new numbers, name another FILE and call it
again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gaia_core.errors import InputError

DOCUMENTS = ("README.md", "weights/README.md", "docs/bench.md", "docs/training.md")
BLOCK = re.compile(r"(<!-- table: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

# Title and format of a metric, in the order of the columns.
REENACTMENT = {
    "psnr": ("PSNR dB", ".2f"),
    "psnr_head": ("of the head", ".2f"),
    "perceptual": ("perceptual", ".4f"),
    "perceptual_head": ("of the head", ".4f"),
    "mouth_l1": ("mouth L1", ".4f"),
    "akd_px": ("AKD px", ".2f"),
    "apd_deg": ("APD deg", ".2f"),
    "identity_l2": ("identity L2", ".3f"),
    "sharpness": ("sharpness", ".2f"),
    "lost_faces": ("faces lost", "d"),
}
MOUTHS = {
    "photos": "photos of 512 px, at 128 px",
    "clips": "clips, at 64 px",
    "referenced": "clips with another frame's mouth",
}
METHODS = {"ours": "**ours**", "still": "still portrait", "landmark_warp": "landmark warp"}
TRAITS = {
    "by_skin": {"light": "skin light", "medium": "skin medium", "dark": "skin dark"},
    "by_glasses": {"yes": "glasses", "no": "no glasses"},
    "by_beard": {"yes": "beard", "no": "no beard"},
    "by_age": {"child": "child", "adult": "adult", "over 60": "over 60"},
}
LIPS = {
    "correlation_lag0": ("correlation of lip aperture at lag 0, mean over clips", ".2f"),
    "correlation_best": ("at each clip's best lag", ".2f"),
    "correlation_pooled": ("at lag 0, frames of all clips together", ".2f"),
    "best_lag_mean": ("mean best lag, frames", ".1f"),
    "lag_within_1": ("clips whose best lag is within one frame", ".0%"),
}
MOTION = {
    "aperture_p95": ("95th percentile of lip aperture", ".3f"),
    "yaw_spread": ("spread of yaw, degrees", ".1f"),
    "pitch_spread": ("spread of pitch, degrees", ".1f"),
    "roll_spread": ("spread of roll, degrees", ".1f"),
    "brow_spread": ("spread of the brows' height, mm", ".2f"),
    "mouth_width_spread": ("spread of the mouth's width, mm", ".1f"),
    "lid_spread": ("spread of the lids' gap between blinks, eye widths", ".3f"),
    "blinks_per_minute": ("blinks a minute", ".0f"),
    "blinks_of_both_lids": ("blinks of both lids", ".0%"),
    "msi": ("MSI (steadiness)", ".1f"),
    "pause_spread": ("spread of the aperture in pauses", ".3f"),
}
# Variants of `train ablations`, and what the paper has for them: Sync-D and MSI.
VARIANTS = {
    "default": ("speech added, reference cross-attended", 8.913, 1.132),
    "reference added": ("reference added", 8.989, 1.125),
    "speech cross-attended": ("speech cross-attended", 10.231, 1.139),
    "plain Transformer": ("Transformer in place of the Conformer", 9.312, 0.623),
    "no head pose": ("head pose not predicted", 9.134, None),
    "no masking": ("no masks in training", None, None),
}
STAGES = {
    "autoencoder": "stage 1, pairs of frames",
    "mouth": "inpainter of the mouth, windows",
    "lips": "inpainter of closing lips, windows",
    "eyes": "inpainter of the eyes, windows",
    "detail": "detail of inpainted regions, windows",
    "denoiser": "stage 2, windows of motion",
}


def rewrite(root: Path) -> list[Path]:
    """Rewrites the tables of `DOCUMENTS`; returns the documents that changed.

    Raises:
        InputError: `root` is not the project's folder, or a mark names no table or file.
    """
    changed = []
    for path in (root / name for name in DOCUMENTS):
        if not path.is_file():
            raise InputError("There is no {path}; call this in the project's folder.", path=path)
        old = path.read_text("utf-8")
        new = fill(old, root, path.parent)
        if new != old:
            path.write_text(new, "utf-8")
            changed.append(path)
    return changed


def fill(text: str, root: Path, folder: Path) -> str:
    """A document's text with its tables as the files in `root` have them.

    Args:
        folder: where the document lies; links in it start there.

    Raises:
        InputError: a mark names no table or file, has no end, or its file lacks the numbers.
    """

    def table(block: re.Match[str]) -> str:
        begin, name, file, end = block.groups()
        if name not in TABLES:
            raise InputError(
                "There is no table {name!r}; choose one of {names}.", name=name, names=tuple(TABLES)
            )
        try:
            body = TABLES[name](json.loads((root / file).read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise InputError(
                "The table {name} needs {file}, a JSON file: {error}.",
                name=name,
                file=file,
                error=str(error),
            ) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                "{file} does not hold the numbers of the table {name}.", file=file, name=name
            ) from error
        link = Path(os.path.relpath(root / file, folder)).as_posix()
        return f"{begin}{body} ([numbers]({link}))\n{end}"

    if len(BLOCK.findall(text)) != text.count("<!-- table:"):
        raise InputError("A table's mark is not closed by <!-- end -->, or lacks name or file.")
    return BLOCK.sub(table, text)


def _reenactment(report: Mapping[str, Any]) -> str:
    found = report["reenactment"]
    rows = [
        [
            title,
            *(_number(found[method].get(name), form) for name, (_, form) in REENACTMENT.items()),
        ]
        for method, title in METHODS.items()
    ]
    table = _table(["", *(title for title, _ in REENACTMENT.values())], rows)
    return f"{table}\n\n{_amount(found['ours'])}{_weights(report, 'autoencoder')}"


def _mouths(report: Mapping[str, Any]) -> str:
    rows = []
    for name, title in MOUTHS.items():
        found = report["mouths"][name]
        numbers = [f"{found['perceptual']:.4f}", f"{found['l1']:.4f}", f"{found['sharpness']:.2f}"]
        rows.append([title, str(found["windows"]), *numbers])
    table = _table(["", "windows", "perceptual", "L1", "sharpness"], rows)
    return f"{table}\n\nHeld out{_weights(report, 'mouth', 'detail')}"


def _groups(report: Mapping[str, Any]) -> str:
    found, rows = report["reenactment"], []
    for trait, titles in TRAITS.items():
        for name, methods in found[trait].items():
            ours, warp = methods["ours"], methods["landmark_warp"]
            title = next(title for key, title in titles.items() if name.startswith(key))
            share = ours["perceptual_head"] / warp["perceptual_head"]
            cells = [str(ours["people"]), str(ours["clips"])]
            cells += [_number(ours["perceptual_head"], ".4f"), _number(share, ".2f")]
            cells += [
                _number(ours[key], form)
                for key, form in (("mouth_l1", ".3f"), ("identity_l2", ".2f"), ("sharpness", ".2f"))
            ]
            rows.append([title, *cells])
    order = [title for titles in TRAITS.values() for title in titles.values()]
    rows.sort(key=lambda row: order.index(row[0]))
    head = ["", "people", "clips", "perceptual", "of the warp's", "mouth L1", "identity L2"]
    table = _table([*head, "sharpness"], rows)
    return f"{table}\n\n{_amount(found['ours'])}{_weights(report, 'autoencoder')}"


def _speech(report: Mapping[str, Any]) -> str:
    found = report["speech"]
    rows = [[title, _number(found[name], form), ""] for name, (title, form) in LIPS.items()]
    rows += [
        [title, _number(found["ours"].get(name), form), _number(found["real"].get(name), form)]
        for name, (title, form) in MOTION.items()
    ]
    still = found.get("clips_unreadable")
    apart = f", {still} without a correlation" if still else ""
    table = _table(["", "ours", "real"], rows)
    return f"{table}\n\n{_amount(found)}{apart}{_weights(report, 'autoencoder', 'denoiser')}"


def _portraits(report: Mapping[str, Any]) -> str:
    swapped, pose = report["swap"]["swapped"], report["control"]["pose"]
    instructed = report["instructions"]
    errors = ", ".join(_number(pose["error_degrees"][x], ".1f") for x in ("yaw", "pitch", "roll"))
    pairs = f"motion of one person on another's portrait, {swapped['pairs']} pairs"
    rows = [
        [f"{pairs}: identity L2 to the portrait", f"{swapped['identity_l2_to_portrait']:.2f}"],
        ["identity L2 to the driving person", f"{swapped['identity_l2_to_driving']:.2f}"],
        ["pairs nearer to the portrait", f"{swapped['nearer_to_portrait']:.0%}"],
        ["pairs within 0.45 of it", f"{swapped['same_person']:.0%}"],
        ["error of yaw, pitch, roll within 25, 15, 15 degrees, degrees", errors],
        [
            f"written instructions that show, {instructed['seen']} on {instructed['portraits']} "
            "portraits",
            f"{instructed['right']:.0%}",
        ],
    ]
    return f"{_table(['', 'ours'], rows)}\n\nRead back from pixels{_weights(report, 'autoencoder')}"


def _trained(config: Mapping[str, Any]) -> str:
    rows = []
    for name, title in STAGES.items():
        facts = dict(config[name]["trained"])
        samples = facts.pop("samples")
        data = ", ".join(f"{value:,} {fact}" for fact, value in facts.items())
        rows.append([title, f"{samples:,}", data])
    return f"{_table(['', 'samples seen', 'of'], rows)}\n\nA pair of photos counts as a clip"


def _speed(report: Mapping[str, Any]) -> str:
    seconds = report["seconds"]
    small, large = (f"{seconds * report[name]:.0f} s" for name in ("rtf_256", "rtf_1024"))
    return (
        f"{seconds:.0f} s of speech become a video of 256 px in {small}, or one of 1024 px in "
        f"{large};\nlive speech runs at {report['live_fps']:.0f} frames a second (25 keep up); "
        f"memory peaks at {report['peak_rss_mb'] / 1000:.1f} GB"
    )


def _bench(report: Mapping[str, Any]) -> str:
    rows = [
        ["load, s", f"{report['load_s']:.1f}"],
        ["seconds a second of video, 256 px", f"{report['rtf_256']:.2f}"],
        ["the same, photo of 1024 px", f"{report['rtf_1024']:.2f}"],
        ["first preview, s", f"{report['first_preview_s']:.1f}"],
        ["live speech, first frame, s", f"{report['live_delay_s']:.2f}"],
        ["of it speech, s", f"{report['live_speech_s']:.2f}"],
        ["live speech, frames a second", f"{report['live_fps']:.1f}"],
        ["peak memory, MB", f"{report['peak_rss_mb']:.0f}"],
    ]
    parts = [
        [row["name"], f"{row['ms']:.2f}"]
        + ([f"{row['gflop']:.3f}", f"{row['gflops']:.0f}"] if row["gflop"] else ["", ""])
        for row in report["parts"]
    ]
    ceiling = report["ceiling_gflops"].items()
    reached = ", ".join(f"{rate:.0f} GFLOP/s in {name}" for name, rate in ceiling)
    tables = [
        _table(["", report["device"]], rows),
        _table(["part", "ms a frame", "GFLOP a frame", "GFLOP/s"], parts),
    ]
    return "\n\n".join([*tables, f"A product of large matrices reaches {reached}"])


def _ablations(report: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for found in report:
        title, sync, msi = VARIANTS[found["variant"]]
        own = [_number(found[key], ".3f") for key in ("loss", "lips")]
        own += [_number(found[key], ".2f") for key in ("steadiness", "join")]
        paper = [_number(sync, ".3f", ""), _number(msi, ".3f", "")]
        rows.append([title, *paper, *own])
    head = ["", "paper: Sync-D", "paper: MSI", "loss", "lips", "MSI", "join"]
    facts = {f"{found['steps']:,} steps, {found['pieces']} windows" for found in report}
    return f"{_table(head, rows)}\n\n{'; '.join(sorted(facts))}"


def _scaling(report: Sequence[Mapping[str, Any]]) -> str:
    parts = sorted({(x["fraction"], x["hours"]) for x in report})
    head = ["parameters"]
    for fraction, hours in parts:
        head += [f"{fraction:.0%} of the clips ({hours:.1f} h): new people", "trained on"]
    rows = []
    for size in sorted({x["parameters"] for x in report}):
        own = {x["fraction"]: x for x in report if x["parameters"] == size}
        losses = [own[share][key] for share, _ in parts for key in ("loss", "trained")]
        rows.append([f"{size / 1e6:.1f} M", *(f"{loss:.2f}" for loss in losses)])
    steps = max(x["steps"] for x in report)
    return f"{_table(head, rows)}\n\nLoss after {steps} steps"


TABLES: dict[str, Callable[[Any], str]] = {
    "reenactment": _reenactment,
    "mouths": _mouths,
    "groups": _groups,
    "speech": _speech,
    "portraits": _portraits,
    "trained": _trained,
    "speed": _speed,
    "bench": _bench,
    "ablations": _ablations,
    "scaling": _scaling,
}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _amount(found: Mapping[str, Any]) -> str:
    return f"{found['clips']} clips, {found['frames']:,} frames"


def _weights(report: Mapping[str, Any], *stages: str) -> str:
    """After how many samples the weights were measured, where the report tells."""
    seen = report.get("weights", {})
    return "".join(f"; {name} after {seen[name]:,} samples" for name in stages if name in seen)


def _number(value: float | int | None, form: str, none: str = "-") -> str:
    return none if value is None else format(value, form)
