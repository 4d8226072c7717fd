"""Reports of `evaluate` as text of at most 100 columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gaia_core.evaluation import reenactment, resolution

# Of the groups' tables; the heads' distance is also shown beside the warp's.
GROUP_COLUMNS = ("psnr_head", "perceptual_head", "mouth_l1", "identity_l2", "sharpness")


def format_table(report: Mapping[str, Any]) -> str:
    """A report of `evaluate`, one part for each protocol."""
    write: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "reenactment": _reenactment,
        "speech": _speech,
        "phones": _phones,
        "life": _variation,
        "spans": lambda found: "Spans made again\n" + _values(found),
        "sweep": _sweep,
        "swap": lambda found: _columns("Motion of one on the portrait of another", found),
        "range": _range,
        "resolution": _resolution,
        "mouths": lambda found: _columns("Mouths hidden and inpainted", found),
        "calm": _stability,
        "hard": _hard,
        "control": _control,
        "instructions": _instructions,
        "steady": lambda found: "Steadiness\n" + _values(found),
    }
    parts = [show(found) for name, show in write.items() if (found := report.get(name))]
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
    parts = ["\n".join(lines)]
    by = {name: x for name, x in report.items() if name.startswith("by_")}
    parts += [_groups(name.replace("_", " "), found) for name, found in by.items()]
    return "\n\n".join(parts)


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
    rest = {name: x for name, x in report.items() if name not in ("clips", "frames")}
    return "\n".join([*lines, _values(rest)])


def _phones(report: Mapping[str, Any]) -> str:
    """One column for each kind of voice and side."""
    columns = {
        f"{kind}: {side}": numbers
        for kind, sides in report.items()
        if isinstance(sides, Mapping)
        for side, numbers in sides.items()
    }
    if not columns:
        return "Phones: nobody speaks"
    lines = ["Lips by phone"]
    lines += [f"{index:>3} {name}" for index, name in enumerate(columns, 1)]
    lines += [" " * 20 + _row([str(x) for x in range(1, len(columns) + 1)], 9)]
    for name in next(iter(columns.values())):
        cells = [_number(numbers[name], 3) for numbers in columns.values()]
        lines += [name.ljust(20) + _row(cells, 9)]
    return "\n".join(lines)


def _variation(report: Mapping[str, Any]) -> str:
    lines = [f"Life: {report['seeds']} seeds, and a take of {report['drift_seconds']} s; degrees"]
    for name in ("head_between_seeds", "drift"):
        angles = ", ".join(f"{axis} {_number(x, 3)}" for axis, x in report[name].items())
        lines += [f"{name}: {angles}"]
    selected = {name: report[name] for name in ("drift_most", "lips_alike", "head_alike")}
    return "\n".join([*lines, _values(selected)])


def _sweep(report: Mapping[str, Any]) -> str:
    columns = {
        "steps": "steps",
        "guidance": "speech",
        "correlation_lag0": "corr",
        "best_lag_mean": "lag",
        "lag_within_1": "lag<=1",
        "aperture_p95": "p95",
        "yaw_spread": "yaw",
        "pitch_spread": "pitch",
        "roll_spread": "roll",
        "blinks_per_minute": "blinks",
        "msi": "msi",
        "seconds": "s/s",
    }
    rows = [*report["settings"], {"guidance": None, **report["real"]}]
    lines = [f"Settings, on {report['clips']} clips, of latents; the last row is real"]
    lines += [_row(list(columns.values()), 8)]
    lines += [_row([_number(row.get(name), 3) for name in columns], 8) for row in rows]
    return "\n".join(lines)


def _values(report: Mapping[str, Any]) -> str:
    """The single numbers of a report."""
    return "\n".join(
        name.ljust(24) + _number(value).rjust(12)
        for name, value in report.items()
        if isinstance(value, int | float | None) and name != "seconds"
    )


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
    columns = ("face_px", "crop_px", *resolution.NUMBERS)
    lines = [
        "Whole photos",
        " " * 26 + _row([x.replace("sharpness", "sharp") for x in columns], 12),
    ]
    for part in (report, report["enlarged"]):
        for name, row in part["by_photo"].items():
            lines += [name[:25].ljust(26) + _row([_number(row[x], 3) for x in columns], 12)]
        lines += ["mean".ljust(26) + _row([_number(part.get(x), 3) for x in columns], 12)]
        lines += [f"outside of the window bit-identical: {part['outside_identical']}"]
    return "\n".join(lines)


def _stability(report: Mapping[str, Any]) -> str:
    lines = ["Calm, of 255 grey levels"]
    for name, value in report.items():
        if name != "seconds":
            selected = 255 * value if isinstance(value, float) else value
            lines += [name.ljust(20) + _number(selected).rjust(9)]
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
    errors, shares = (
        ", ".join(f"{name} {_number(x, 3)}" for name, x in pose[key].items())
        for key in ("error_degrees", "share_read")
    )
    lines = [
        f"Controls on {report['portraits']} portraits; head pose is off by {errors} degrees "
        f"(lost faces: {pose['lost']}); read of what was asked: {shares}",
        " " * 14 + _row(("at 1/2", "at 1", "in order"), 9) + "   also moved",
    ]
    for name, row in report["expression"].items():
        cells = [*row["change"][1:], row["rises"]]
        others = report["cross_talk"].get(name, {})
        moved = sorted(others.items(), key=lambda item: -abs(item[1] or 0))[:3]
        tail = ", ".join(f"{other} {x:+.2f}" for other, x in moved if x and abs(x) >= 0.2)
        lines += [name.ljust(14) + _row([_number(x, 3) for x in cells], 9) + "   " + tail]
    if lips := report.get("lips"):
        values = ", ".join(f"{name} {_number(x, 3)}" for name, x in lips["correlation"].items())
        lines += [f"Lips against the real ones, {lips['clips']} clips: correlation {values}"]
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
