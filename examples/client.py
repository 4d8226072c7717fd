"""What the scripts share: the arguments of every endpoint, and a run with its progress."""

import argparse
import json
import shutil
from typing import Any

from gradio_client import Client, handle_file


def arguments(doc: str, *, silent: bool = True) -> argparse.ArgumentParser:
    """A parser with the portrait and what all endpoints take.

    Args:
        doc: the script's docstring; its first line is shown.
        silent: whether a take may go without speech.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("portrait", help="a photo with a face")
    speech = parser.add_mutually_exclusive_group(required=not silent)
    speech.add_argument("--text", default="", help="what to say")
    speech.add_argument("--speech", help="a recording")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--consent", action="store_true", help="I may use these faces and voices")
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("-o", "--out", default="gaia.mp4")
    return parser


def run(args: argparse.Namespace, endpoint: str, **settings: Any) -> None:
    """Asks a running studio for a video, shows the progress, and keeps the video at `args.out`."""
    job = Client(args.url, verbose=False).submit(
        portrait=handle_file(args.portrait),
        speech=handle_file(args.speech) if args.speech else None,
        text=args.text,
        seed=args.seed,
        consent=args.consent,
        **settings,
        api_name=endpoint,
    )
    for _, info in job:  # `job.cancel()` would stop the work
        if "progress" in info:
            print(f"\r{info['stage']:>8} {info['progress']:4.0%}", end="", flush=True)
    video, info = job.result()
    shutil.copyfile(video, args.out)
    print(f"\n{args.out}: {info['seconds']:.1f} s, seed {info['seed']}")
    for notice in info["notices"]:
        print(notice)
    print(json.dumps(info["recipe"], indent=2))
