"""Moves a portrait as the face of a video does, through a running studio's API.

For example: python examples/04_video_driven.py me.jpg face.mp4 --consent -o out.mp4
With --text or --speech the video is dubbed: all but the mouth comes from it.
"""

import argparse
import json
import shutil

from gradio_client import Client, handle_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portrait", help="a photo with a face")
    parser.add_argument("drive", help="a video of one face")
    speech = parser.add_mutually_exclusive_group()
    speech.add_argument("--text", default="", help="what to say instead of the video's sound")
    speech.add_argument("--speech", help="a recording to use instead of the video's sound")
    parser.add_argument("--absolute", action="store_true", help="the video's very poses")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--consent", action="store_true", help="I may use these faces and voices")
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("-o", "--out", default="gaia.mp4")
    args = parser.parse_args()

    dubbed = args.text or args.speech
    client = Client(args.url, verbose=False)
    job = client.submit(
        portrait=handle_file(args.portrait),
        drive=handle_file(args.drive),
        drive_groups=["pose", "eyes", "brows"] + ([] if dubbed else ["mouth", "face"]),
        drive_mode="absolute" if args.absolute else "relative",
        speech=handle_file(args.speech) if args.speech else None,
        text=args.text,
        seed=args.seed,
        consent=args.consent,
        api_name="/video_driven",
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
