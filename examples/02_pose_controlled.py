"""Turns the head of a portrait along keyframes, through a running studio's API.

For example: python examples/02_pose_controlled.py me.jpg --consent --preset shake -o out.mp4
A file given with --controls looks like {"tracks": {"yaw": [[0, 0, "ease"], [1, 20, "ease"]]}}:
for each channel its keyframes, as second, value, and the interpolation to the next one.
"""

import json
from pathlib import Path

from client import arguments, run

PRESETS = {
    "nod": {"pitch": [[0, 0, "ease"], [0.4, -10, "ease"], [0.8, 5, "ease"], [1.2, 0, "free"]]},
    "shake": {"yaw": [[0, 0, "ease"], [0.3, 15, "ease"], [0.8, -15, "ease"], [1.2, 0, "free"]]},
    "smile": {"smile": [[0.5, 0, "ease"], [1.0, 1, "hold"], [3.0, 1, "ease"], [3.5, 0, "ease"]]},
}


def main() -> None:
    parser = arguments(__doc__)
    controls = parser.add_mutually_exclusive_group(required=True)
    controls.add_argument("--preset", choices=PRESETS, help="a few keyframes")
    controls.add_argument("--controls", type=Path, help="a JSON file with tracks and strengths")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a silent take")
    args = parser.parse_args()
    given = (
        json.loads(args.controls.read_text()) if args.controls else {"tracks": PRESETS[args.preset]}
    )
    run(args, "/pose_controlled", controls=given, seconds=args.seconds)


if __name__ == "__main__":
    main()
