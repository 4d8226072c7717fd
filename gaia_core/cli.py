"""The command line of `Gaia`, training, evaluation and bench.

Results go to standard output; progress and errors to standard error. Bad input is one sentence
and exit status 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaia_core import MAX_RECORDING, __version__
from gaia_core.assets import WEIGHTS
from gaia_core.config import CORRECTIONS, INPAINTED
from gaia_core.config import PRESETS as SIZES_OF_STAGES
from gaia_core.controls import PRESETS, Controls
from gaia_core.errors import InputError, Message, disk_full_reported
from gaia_core.media import SUFFIX
from gaia_core.request import (
    MEDIA,
    SETTINGS,
    Progress,
    Request,
    Result,
    Span,
    draw_seed,
    parse_json,
)
from gaia_core.settings import Setting

if TYPE_CHECKING:
    from gaia_core.training.loop import Settings

# Controls and spans have flags of their own. The label has no flag.
WITHOUT_FLAG = ("controls", "spans", "label")
STAGES = (
    "pack",
    "autoencoder",
    *INPAINTED,
    "detail",
    "denoiser",
    "visemes",
    "language",
    "scaling",
    "ablations",
)
NO_PACK = Message("Give the folder of the packed data by --pack.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING)
    try:
        with disk_full_reported():
            options.run(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


def animate(options: argparse.Namespace) -> None:
    """A portrait and speech to an mp4."""
    from tqdm import tqdm

    from gaia_core.media import exports
    from gaia_core.media.image import read_photo
    from gaia_core.pipeline import Gaia

    out: Path = options.out
    _check_file(out)
    if out.suffix.lower() != ".mp4":
        raise InputError("The output {name} must end in .mp4.", name=out.name)
    given = [path for name in MEDIA if (path := getattr(options, name)) is not None]
    if out.resolve() in [path.resolve() for path in given]:
        raise InputError("The output {name} would replace an input; choose another.", name=out.name)
    request = _request(options).check()
    for kind in options.also:  # before any work
        transparent = kind == "webm" and read_photo(request.portrait)[1] is not None
        exports.check(kind, bool((request.text or "").strip()), transparent)
    gaia = Gaia.load(options.weights)
    form = "{desc:<8}{bar}{percentage:4.0f} % {remaining}"
    with tqdm(total=100, bar_format=form, disable=None) as bar:  # shown to terminals only
        for event in gaia.generate(request, out, max_seconds=MAX_RECORDING):
            if isinstance(event, Progress):
                bar.set_description(event.stage, refresh=False)
                bar.update(round(100 * event.fraction) - bar.n)
            elif isinstance(event, Result):
                bar.update(100 - bar.n)
                result = event
    for notice in result.notices:
        print(notice, file=sys.stderr)
    print(f"{result.video}: {result.frames} frames, seed {request.seed}")
    for kind in options.also:
        text = result.recipe["text"] or ""
        print(exports.make(kind, out, result.words, result.cutout, text))


def batch(options: argparse.Namespace) -> None:
    """A file of jobs to a folder of mp4s."""
    from tqdm import tqdm

    from gaia_core import batch as jobs

    todo = jobs.read_jobs(options.jobs, options.out)
    _make_folder(options.out)
    outcomes = []
    with tqdm(total=len(todo), disable=None) as bar:
        for outcome in jobs.run(todo, options.out, options.weights, options.workers, options.ray):
            outcomes.append(outcome)
            bar.update()
    print(jobs.format_report(outcomes))
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        raise InputError(
            "{failed} of {count} jobs failed; correct them and start again.",
            failed=failed,
            count=len(todo),
        )


def compare(options: argparse.Namespace) -> None:
    """The takes of a comparison, with their measures."""
    from tqdm import tqdm

    from gaia_core import comparison

    variants, columns = comparison.read(options.file)
    _make_folder(options.out)
    takes = comparison.make(variants, options.out, options.weights)
    made = list(tqdm(takes, total=len(variants), disable=None))
    comparison.write(made, options.out, columns)
    print(comparison.format_table(made))


def _request(options: argparse.Namespace) -> Request:
    """The recipe's settings, if given, overridden by flags."""
    media = {name: getattr(options, name) for name in MEDIA}
    request = Request(**media)
    if options.recipe is not None:
        from gaia_core.media.video import read_recipe

        request = Request.from_recipe(read_recipe(options.recipe), **media)
    flags = set(SETTINGS) - {*MEDIA, *WITHOUT_FLAG}
    given = {name: getattr(options, name) for name in flags}
    changes = {name: value for name, value in given.items() if value is not None}
    if options.recipe is None:
        changes.setdefault("seed", draw_seed())
    request = replace(request, **changes)
    seconds = request.seconds
    controls = request.controls
    for given in (options.controls, options.pose):
        if given in PRESETS:
            controls += PRESETS[given](seconds)
        elif given is not None:
            controls += Controls.from_json(_json(Path(given)))
    strength = dict(_strength(given) for given in options.strength)
    spans = tuple(_span(given) for given in options.span)
    return replace(
        request, controls=controls + Controls({}, strength), spans=(*request.spans, *spans)
    )


def _json(path: Path) -> Any:
    try:
        return parse_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        presets = ", ".join(PRESETS)
        raise InputError(
            "{path} is neither a JSON file nor one of {names}.", path=path, names=presets
        ) from error


def _strength(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise InputError("Strength is {text!r}; write it like head=0.5.", text=text) from None


def _span(text: str) -> Span:
    try:
        start, end, seed = text.split(":")
        return Span(float(start), float(end), int(seed))
    except ValueError:
        raise InputError(
            "Span is {text!r}; write START:END:SEED, like 1.5:3:7.", text=text
        ) from None


def prepare(options: argparse.Namespace) -> None:
    """Raw videos to clips."""
    from gaia_core.training.filters import LOOSE, STRICT, Settings, read_thresholds
    from gaia_core.training.prepare import prepare

    logging.getLogger().setLevel(logging.INFO)
    loose, strict = LOOSE, STRICT
    if options.thresholds is not None:
        loose, strict = read_thresholds(options.thresholds)
    settings = Settings(loose, strict, options.licence, options.held_out)
    _make_folder(options.out)
    summary = prepare(options.raw, options.out, settings, options.workers)
    print(f"{summary.clips} clips in {options.out / 'clips' / 'manifest.csv'}")
    for name, seconds in sorted((summary.seconds | summary.reasons).items()):
        print(f"{seconds / 60:8.1f} min {name}")


def train(options: argparse.Namespace) -> None:
    """Packs data or trains a stage."""
    logging.getLogger().setLevel(logging.INFO)
    others = {
        "pack": _pack,
        "visemes": _train_visemes,
        "language": _train_language,
        "scaling": _study_scaling,
        "ablations": _study_ablations,
    }
    others.get(options.stage, _train_stage)(options)


def _pack(options: argparse.Namespace) -> None:
    from gaia_core.training import stages

    if options.pack is None:
        raise InputError(NO_PACK)
    _folder_with_clips(options.data)
    stages.pack(
        options.data,
        options.pack,
        options.per_identity,
        options.preset,
        options.start,
        options.portraits,
        options.latents,
    )


def _train_stage(options: argparse.Namespace) -> None:
    """One of the stages that learn from packed data."""
    from gaia_core.training import stages

    trainers: dict[str, Callable[[stages.Run], None]] = {
        "autoencoder": stages.train_autoencoder,
        **{name: partial(stages.train_inpainter, name) for name in INPAINTED},
        "detail": stages.train_detail,
        "denoiser": stages.train_denoiser,
    }
    run = stages.Run(
        _packed(options),
        options.run_folder,
        options.out,
        _training(options),
        options.batch,
        options.preset,
        options.start,
        options.data,
    )
    trainers[options.stage](run)


def _train_visemes(options: argparse.Namespace) -> None:
    from gaia_core.training.visemes import train_visemes

    _folder_with_clips(options.data)
    train_visemes(options.data, options.out)


def _train_language(options: argparse.Namespace) -> None:
    from gaia_core.training.language import train_language

    train_language(options.out)


def _study_scaling(options: argparse.Namespace) -> None:
    from gaia_core.training import scaling, stages

    motion = _packed(options) / stages.MOTION
    for point in scaling.study(motion, options.run_folder, _training(options)):
        print(point)


def _study_ablations(options: argparse.Namespace) -> None:
    from gaia_core.training import ablations

    for row in ablations.study(_packed(options), options.run_folder, _training(options)):
        print(row)


def _packed(options: argparse.Namespace) -> Path:
    """The folder of packed data that is trained on."""
    from gaia_core.training import stages

    folder: Path | None = options.pack
    if folder is None:
        raise InputError(NO_PACK)
    if not (folder / stages.ENCODER).is_file():
        raise InputError("{folder} holds no packed data; make it with `train pack`.", folder=folder)
    return folder


def _training(options: argparse.Namespace) -> Settings:
    from gaia_core.training.loop import Settings

    return Settings(
        minutes=options.minutes,
        steps=options.steps,
        rate=options.rate,
        device=options.device,
        checkpointing=options.checkpointing,
        shard=options.shard,
    )


def evaluate(options: argparse.Namespace) -> None:
    """The held-out protocol, or the tables of what it measured before."""
    from gaia_core.evaluation import documents

    if options.tables:
        for path in documents.rewrite(Path()):
            print(path)
        return
    from gaia_core import checkpoint
    from gaia_core.evaluation import protocol, tables
    from gaia_core.pipeline import Gaia

    _folder_with_clips(options.data)
    if options.json:
        _check_file(options.json)
    if options.sheets:
        _make_folder(options.sheets)
    gaia = Gaia.load(options.weights, without=options.without)
    report = protocol.evaluate(
        gaia, options.data, options.protocol, limit=options.limit, sheets=options.sheets
    )
    report["without"] = sorted(options.without)
    stages = checkpoint.read_config(options.weights)
    report["weights"] = {
        name: stage["trained"]["samples"] for name, stage in stages.items() if "trained" in stage
    }
    print(tables.format_table(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def bench(options: argparse.Namespace) -> None:
    """Speed and memory of the shipped model on this machine."""
    from gaia_core import bench as benchmark

    if options.json:
        _check_file(options.json)
    if options.live:
        report = benchmark.run_live(options.weights, options.seconds)
        print(benchmark.format_live(report))
    else:
        report = benchmark.run(options.weights, options.seconds)
        print(benchmark.format_table(report, options.peers))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def info(options: argparse.Namespace) -> None:
    """Loaded weights, their sizes and versions; or the size of a preset."""
    from importlib import metadata

    import torch

    from gaia_core import checkpoint

    if options.preset is not None:
        return _describe(options.preset)
    config = checkpoint.read_config(options.weights)
    autoencoder = checkpoint.load_autoencoder(options.weights)
    denoiser = checkpoint.load_denoiser(options.weights, autoencoder.config.motion)
    print(f"gaia_core {__version__}, Python {platform.python_version()}")
    for name in ("torch", "gradio", "mediapipe", "hibari-tts", "edge-tts"):
        with suppress(metadata.PackageNotFoundError):  # the page is an extra
            print(f"{name} {metadata.version(name)}")
    print(f"device: {'cuda' if torch.cuda.is_available() else 'cpu'}")
    print(f"weights: {options.weights}")
    parts = [*autoencoder.inpainters.values(), *filter(None, [autoencoder.detail])]
    autoencoder.inpainters.clear()  # their parameters are counted apart
    autoencoder.detail = None
    for stage in (autoencoder, *parts, denoiser):
        name = checkpoint.name_of(stage)
        count = sum(p.numel() for p in stage.parameters()) / 1e6
        size = (options.weights / f"{name}.safetensors").stat().st_size / 1e6
        print(f"{name}: {count:.2f} M parameters, {size:.1f} MB")
        for fact, value in config[name]["trained"].items():
            print(f"  {fact}: {value}")


def _describe(preset: str) -> None:
    """Prints the number of parameters of a preset, and the memory of training."""
    import torch

    from gaia_core import checkpoint
    from gaia_core.motion.denoiser import Denoiser
    from gaia_core.renderer.autoencoder import Autoencoder
    from gaia_core.renderer.detail import Detail
    from gaia_core.renderer.inpainting import REGIONS, Inpainter

    sizes = SIZES_OF_STAGES[preset]
    with torch.device("meta"):  # the largest would not fit into this machine
        autoencoder = Autoencoder(sizes.autoencoder)
        parts = [*(Inpainter(name, sizes.inpainter) for name in REGIONS), Detail(sizes.detail)]
        denoiser = Denoiser(sizes.denoiser, sizes.autoencoder.motion)
    for stage in (autoencoder, *parts, denoiser):
        name = checkpoint.name_of(stage)
        count = sum(p.numel() for p in stage.parameters()) / 1e6
        # Weights, their average, gradients and AdamW's two moments, 4 bytes each.
        print(f"{name}: {count:.2f} M parameters, {5 * 4 * count / 1e3:.1f} GB in training")


def _check_file(out: Path) -> None:
    """Refuses a file that cannot be written, before the work whose result it is for."""
    folder = out.resolve().parent
    if not os.path.isdir(folder):
        raise InputError(
            "The folder of {out} does not exist; create it or choose another.", out=out
        )
    if os.path.isdir(out):
        raise InputError("{out} is a folder; choose a name for the file in it.", out=out)
    if not os.access(folder, os.W_OK):
        raise InputError("Nothing can be written to {folder}; choose another.", folder=folder)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "{out} cannot be made a folder ({reason}); choose another.",
            out=out,
            reason=str(error.strerror).lower(),
        ) from error


def _count(text: str) -> int:
    """A flag's whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _folder_with_clips(data: Path | None) -> None:
    if data is None:
        raise InputError("Give a folder with clips/manifest.csv by --data.")
    if not (data / "clips" / "manifest.csv").is_file():
        raise InputError(
            "{data} holds no clips/manifest.csv; give a folder of that layout.", data=data
        )


def _add_settings(command: argparse.ArgumentParser) -> None:
    """A flag for each setting; None if not given, so that the recipe's value is kept."""
    source = command.add_mutually_exclusive_group()
    for name, declared in SETTINGS.items():
        if name not in WITHOUT_FLAG:
            group = source if name in ("speech", "text") else command
            group.add_argument(f"--{name.replace('_', '-')}", default=None, **_flag(declared))


def _flag(declared: Setting) -> dict[str, Any]:
    """The setting as arguments of `add_argument`."""
    default = "a new one" if declared.name == "seed" else declared.default
    if declared.many:
        default = ",".join(default)
    text = declared.describe() + (f" Default: {default}." if default else "")
    flag: dict[str, Any] = {"help": text.replace("%", "%%")}
    if declared.kind is bool:
        return {**flag, "action": "store_true"}
    if declared.many:
        return {**flag, "type": lambda names: tuple(names.split(",")), "metavar": "NAMES"}
    if declared.choices:  # validated by `Request.check`, whose message is better than argparse's
        flag["metavar"] = f"{{{','.join(declared.choices)}}}"
    return {**flag, "type": declared.kind, "required": declared.required}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gaia",
        description="Zero-shot talking avatars: one photo and speech become a video.",
    )
    parser.add_argument("--version", action="version", version=f"gaia {__version__}")
    parser.add_argument("--verbose", action="store_true", help="tell what happens")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run, add, text in (
        (animate, _add_animate, "Make a talking video of a portrait."),
        (batch, _add_batch, "Make many videos; started again, go on with what is missing."),
        (compare, _add_compare, "Make the takes of a comparison, measured and side by side."),
        (prepare, _add_prepare, "Make clips to train on of a folder of films."),
        (train, _add_train, "Pack the data, or train a stage from a pack."),
        (evaluate, _add_evaluate, "Measure the weights on people never trained on."),
        (bench, _add_bench, "Measure speed and memory on this machine."),
        (info, _add_info, "Tell what is installed and which weights are there."),
    ):
        command = commands.add_parser(
            run.__name__,
            help=text,
            description=text,
            formatter_class=argparse.RawTextHelpFormatter,
        )
        command.set_defaults(run=run)
        add(command)
    return parser


def _add_weights(it: argparse.ArgumentParser) -> None:
    it.add_argument(
        "--weights",
        type=Path,
        default=WEIGHTS,
        help="folder of trained weights (default: the shipped ones)",
    )


def _add_animate(it: argparse.ArgumentParser) -> None:
    _add_weights(it)
    _add_settings(it)
    it.add_argument("--out", type=Path, required=True, help="the mp4 to write")
    it.add_argument(
        "--also", nargs="+", default=[], choices=tuple(SUFFIX), help="the same in other forms"
    )
    presets = ", ".join(PRESETS)
    it.add_argument("--pose", metavar="POSE", help=f"head pose: {presets}, or a JSON file")
    it.add_argument("--controls", metavar="FILE", help="keyframes and strengths as JSON")
    it.add_argument(
        "--strength",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how much of head, gaze, blink, brows or mouth shows, 0 to 2",
    )
    it.add_argument("--recipe", type=Path, help="an earlier video or its recipe: its settings")
    it.add_argument(
        "--span",
        action="append",
        default=[],
        metavar="START:END:SEED",
        help="seconds of the take to re-render",
    )


def _add_batch(it: argparse.ArgumentParser) -> None:
    _add_weights(it)
    it.add_argument("jobs", type=Path, help="JSONL: portrait, speech or text, and recipe fields")
    it.add_argument("--out", type=Path, required=True, help="folder of the mp4s and report.json")
    it.add_argument("--workers", type=_count, help="processes (default: one for two cores)")
    it.add_argument("--ray", action="store_true", help="on a Ray cluster; the extra ray")


def _add_compare(it: argparse.ArgumentParser) -> None:
    _add_weights(it)
    it.add_argument("file", type=Path, help="JSON: fields as in batch, and takes; see README.md")
    it.add_argument("--out", type=Path, required=True, help="folder of the videos and the table")


def _add_prepare(it: argparse.ArgumentParser) -> None:
    it.add_argument("raw", type=Path, help="folder of films; each folder in it is a person's")
    it.add_argument("--out", type=Path, required=True, help="folder for `train pack --data`")
    it.add_argument("--licence", default="", help="of the films, for the manifest")
    it.add_argument("--held-out", type=float, default=0.05, help="share of people for val/")
    it.add_argument("--thresholds", type=Path, help="JSON of filters to change, docs/training.md")
    it.add_argument("--workers", type=_count, help="processes (default: one a core)")


def _add_train(it: argparse.ArgumentParser) -> None:
    it.add_argument("stage", choices=STAGES)
    it.add_argument("--data", type=Path, help="folder with clips/manifest.csv")
    it.add_argument("--pack", type=Path, help="folder of the packed data")
    it.add_argument("--per-identity", type=int, default=120, help="frames a person (for pack)")
    it.add_argument("--run-folder", type=Path, default=Path("run"), help="state to resume, curve")
    it.add_argument("--out", type=Path, default=WEIGHTS, help="folder for the weights")
    it.add_argument("--start", type=Path, help="weights to go on from (default: new ones)")
    it.add_argument(
        "--portraits", action="store_true", help="pack pairs that --start makes of portraits, too"
    )
    it.add_argument(
        "--latents", action="store_true", help="pack latents to train on beside the clips (--data)"
    )
    it.add_argument("--minutes", type=float, default=10.0, help="time box")
    it.add_argument("--steps", type=int, default=0, help="end after so many steps (for studies)")
    it.add_argument("--rate", type=float, default=5e-4, help="peak learning rate")
    it.add_argument("--batch", type=int, default=12, help="samples a step; see docs/training.md")
    it.add_argument("--device", default="cpu", help="cpu or cuda")
    it.add_argument("--preset", choices=SIZES_OF_STAGES, default="small", help="see `info`")
    it.add_argument(
        "--checkpointing", action="store_true", help="less memory, a third more computing"
    )
    it.add_argument(
        "--shard", action="store_true", help="share a large model among `accelerate launch`'s"
    )


def _add_evaluate(it: argparse.ArgumentParser) -> None:
    _add_weights(it)
    it.add_argument("--data", type=Path, help="folder with clips/manifest.csv")
    it.add_argument("--protocol", default="all", help="see evaluation/protocol.py")
    it.add_argument("--limit", type=int, help="clips, spread over identities")
    it.add_argument("--sheets", type=Path, help="folder for contact sheets")
    it.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="NAME",
        help="corrections to switch off: " + ", ".join(CORRECTIONS),
    )
    it.add_argument("--json", type=Path, help="file for the numbers")
    it.add_argument(
        "--tables",
        action="store_true",
        help="only rewrite the documents' tables from docs/log; in the project's folder",
    )


def _add_bench(it: argparse.ArgumentParser) -> None:
    _add_weights(it)
    it.add_argument("--peers", action="store_true", help="add what others publish of theirs")
    it.add_argument("--live", action="store_true", help="live speech and the mirror alone")
    it.add_argument("--seconds", type=float, default=10.0, help="of the speech (default: 10)")
    it.add_argument("--json", type=Path, help="file for the numbers")


def _add_info(it: argparse.ArgumentParser) -> None:
    _add_weights(it)
    it.add_argument("--preset", choices=SIZES_OF_STAGES, help="tell the size of a preset instead")
