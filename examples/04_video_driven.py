"""Moves a portrait as the face of a video does, through a running studio's API.

For example: python examples/04_video_driven.py me.jpg face.mp4 --consent -o out.mp4
With --text or --speech the video is dubbed: all but the mouth comes from it.
"""

from client import arguments, run
from gradio_client import handle_file


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("drive", help="a video of one face")
    parser.add_argument("--absolute", action="store_true", help="the video's very poses")
    args = parser.parse_args()
    dubbed = args.text or args.speech
    run(
        args,
        "/video_driven",
        drive=handle_file(args.drive),
        drive_groups=["pose", "eyes", "brows"] + ([] if dubbed else ["mouth", "face"]),
        drive_mode="absolute" if args.absolute else "relative",
    )


if __name__ == "__main__":
    main()
