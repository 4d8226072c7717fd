"""Turns the head of a portrait along keyframes, through a running studio's API.

For example: python examples/02_pose_controlled.py me.jpg --consent --preset shake -o out.mp4
A file given with --controls looks like {"tracks": {"yaw": [[0, 0, "ease"], [1, 20, "ease"]]}}:
for each channel its keyframes, as second, value, and the way to the next one.
"""

import argparse
import json
import shutil
from pathlib import Path

from gradio_client import Client, handle_file

PRESETS = {
    "nod": {"pitch": [[0, 0, "ease"], [0.4, -10, "ease"], [0.8, 5, "ease"], [1.2, 0, "free"]]},
    "shake": {"yaw": [[0, 0, "ease"], [0.3, 15, "ease"], [0.8, -15, "ease"], [1.2, 0, "free"]]},
    "smile": {"smile": [[0.5, 0, "ease"], [1.0, 1, "hold"], [3.0, 1, "ease"], [3.5, 0, "ease"]]},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portrait", help="a photo with a face")
    controls = parser.add_mutually_exclusive_group(required=True)
    controls.add_argument("--preset", choices=PRESETS, help="a few keyframes made beforehand")
    controls.add_argument("--controls", type=Path, help="a JSON file with tracks and strengths")
    speech = parser.add_mutually_exclusive_group()
    speech.add_argument("--text", default="", help="what to say; without it the take is silent")
    speech.add_argument("--speech", help="a recording")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a silent take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--consent", action="store_true", help="I may use these faces and voices")
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("-o", "--out", default="gaia.mp4")
    args = parser.parse_args()

    client = Client(args.url, verbose=False)
    job = client.submit(
        portrait=handle_file(args.portrait),
        controls=(
            json.loads(args.controls.read_text())
            if args.controls
            else {"tracks": PRESETS[args.preset]}
        ),
        speech=handle_file(args.speech) if args.speech else None,
        text=args.text,
        seconds=args.seconds,
        seed=args.seed,
        consent=args.consent,
        api_name="/pose_controlled",
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


if __name__ == "__main__":
    main()
