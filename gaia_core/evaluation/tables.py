"""What `evaluate` returned, as text of at most 100 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gaia_core.evaluation import reenactment, resolution

# Of the groups' tables; the heads' distance is also shown beside the warp's.
GROUP_COLUMNS = ("psnr_head", "perceptual_head", "mouth_l1", "identity_l2", "sharpness")


def format_table(report: Mapping[str, Any]) -> str:
    """A report of `evaluate`, one part for each protocol."""
    parts = []
    if found := report.get("reenactment"):
        parts += [_reenactment(found)]
        parts += [_groups("by source", found["by_source"]), _groups("by skin", found["by_skin"])]
        parts += [
            "\n".join(f"Not by {name}: {why}." for name, why in found["not_measured"].items())
        ]
    if found := report.get("speech"):
        parts += [_speech(found)]
    if found := report.get("swap"):
        parts += [_columns("Motion of one on the portrait of another", found)]
    if found := report.get("range"):
        parts += [_range(found)]
    if found := report.get("resolution"):
        parts += [_resolution(found)]
    if found := report.get("calm"):
        parts += [_calm(found)]
    if found := report.get("hard"):
        parts += [_hard(found)]
    if found := report.get("control"):
        parts += [_control(found)]
    if found := report.get("instructions"):
        parts += [_instructions(found)]
    people = report["identities"]
    parts += [
        f"{people['val']} held-out people, none of them among the {people['train']} trained on."
    ]
    return "\n\n".join(parts)


def _reenactment(report: Mapping[str, Any]) -> str:
    counts = report["ours"]
    lines = [f"Self re-enactment: {counts['clips']} clips, {counts['frames']} frames"]
    lines += [" " * 18 + "".join(name.rjust(15) for name in reenactment.METHODS)]
    for metric in (*reenactment.METRICS, "lost_faces"):
        cells = [_number(report[method][metric]).rjust(15) for method in reenactment.METHODS]
        lines += [metric.ljust(18) + "".join(cells)]
    return "\n".join(lines)


def _groups(title: str, report: Mapping[str, Any]) -> str:
    head = ("people", "clips", "psnr_h", "perc_h", "/warp's", "mouth", "id_l2", "sharp")
    lines = [f"Self re-enactment, {title}", " " * 34 + _row(head, 9)]
    for name, methods in report.items():
        ours, warp = methods["ours"], methods["landmark_warp"]
        values = [ours["people"], ours["clips"], *(ours[x] for x in GROUP_COLUMNS)]
        own, other = ours["perceptual_head"], warp["perceptual_head"]
        values.insert(4, own / other if own is not None and other else None)
        lines += [name[:33].ljust(34) + _row([_number(x, 3) for x in values], 9)]
    return "\n".join(lines)


def _speech(report: Mapping[str, Any]) -> str:
    lines = [f"Speech-driven: {report['clips']} clips, {report['frames']} frames"]
    pairs = {"": ("ours", "real")} | {
        name: tuple(_number(report[side][name]) for side in ("ours", "real"))
        for name in report["real"]
    }
    lines += [name.ljust(24) + "".join(x.rjust(12) for x in pair) for name, pair in pairs.items()]
    lines += [
        name.ljust(24) + _number(value).rjust(12)
        for name, value in report.items()
        if isinstance(value, int | float | None) and name not in ("clips", "frames", "seconds")
    ]
    return "\n".join(lines)


def _columns(title: str, report: Mapping[str, Any]) -> str:
    """One column for each group of numbers."""
    groups = {name: x for name, x in report.items() if isinstance(x, Mapping)}
    lines = [title, " " * 26 + _row(list(groups), 12)]
    for name in next(iter(groups.values())):
        lines += [name.ljust(26) + _row([_number(x[name]) for x in groups.values()], 12)]
    return "\n".join(lines)


def _range(report: Mapping[str, Any]) -> str:
    lines = ["Range: steps along each axis, means over portraits"]
    for name, axis in report.items():
        if not isinstance(axis, Mapping) or not axis.get("portraits"):
            continue
        share, error = _number(axis["share_reached"], 3), _number(axis["error"], 3)
        lines += [f"{name}: {axis['portraits']} portraits, {share} of it reached, error {error}"]
        for row in ("amounts", "asked", "reached", "akd_px", "identity_l2", "lost_faces"):
            lines += ["  " + row.ljust(14) + _row([_number(x, 3) for x in axis[row]], 9)]
    return "\n".join(lines)


def _resolution(report: Mapping[str, Any]) -> str:
    columns = ("face_px", "render_px", *resolution.NUMBERS)
    lines = [
        "Whole photos",
        " " * 26 + _row([x.replace("sharpness", "sharp") for x in columns], 12),
    ]
    for name, row in report["by_photo"].items():
        lines += [name[:25].ljust(26) + _row([_number(row[x], 3) for x in columns], 12)]
    lines += ["mean".ljust(26) + _row([_number(report.get(x), 3) for x in columns], 12)]
    lines += [f"outside of the window bit-identical: {report['outside_identical']}"]
    return "\n".join(lines)


def _calm(report: Mapping[str, Any]) -> str:
    lines = ["Calm, of 255 grey levels"]
    for name, value in report.items():
        if name != "seconds":
            shown = 255 * value if isinstance(value, float) else value
            lines += [name.ljust(20) + _number(shown).rjust(9)]
    return "\n".join(lines)


def _hard(report: Mapping[str, Any]) -> str:
    lines = ["Hard portraits".ljust(40) + _row(("lost", "id_l2"), 9)]
    for name, row in report.items():
        if isinstance(row, Mapping):
            cells = [_number(row.get("lost_faces")), _number(row.get("identity_l2"), 3)]
            lines += [name.ljust(40) + (_row(cells, 9) if row["found"] else "  no face found")]
    return "\n".join(lines)


def _control(report: Mapping[str, Any]) -> str:
    pose = report["pose"]
    errors = ", ".join(f"{name} {_number(x, 3)}" for name, x in pose["error_degrees"].items())
    lines = [
        f"Controls on {report['portraits']} portraits; head pose is off by {errors} degrees "
        f"(lost faces: {pose['lost']})",
        " " * 14 + _row(("at 1/2", "at 1", "in order"), 9) + "   also moved",
    ]
    for name, row in report["expression"].items():
        cells = [*row["change"][1:], row["rises"]]
        others = report["cross_talk"].get(name, {})
        moved = sorted(others.items(), key=lambda item: -abs(item[1] or 0))[:3]
        tail = ", ".join(f"{other} {x:+.2f}" for other, x in moved if x and abs(x) >= 0.2)
        lines += [name.ljust(14) + _row([_number(x, 3) for x in cells], 9) + "   " + tail]
    return "\n".join(lines)


def _instructions(report: Mapping[str, Any]) -> str:
    lines = [
        f"Instructions on {report['portraits']} portraits: of {report['phrases']} phrases "
        f"{_number(report['read_right'], 3)} are read right; of {report['seen']} that can be seen, "
        f"{_number(report['right'], 3)} show."
    ]
    for row in report["wrong"]:
        lines += [f"  {row['asked']}: {row['phrase']!r} read as {row['read']}; {row['largest']}"]
    return "\n".join(lines)


def _row(cells: Sequence[str], width: int) -> str:
    return "".join(cell.rjust(width) for cell in cells)


def _number(value: float | int | None, digits: int = 4) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"
