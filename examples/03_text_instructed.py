"""Makes a portrait do what a sentence says, through a running studio's API.

For example: python examples/03_text_instructed.py me.jpg "Smile, then nod" --consent -o out.mp4
"""

import argparse
import json
import shutil

from gradio_client import Client, handle_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portrait", help="a photo with a face")
    parser.add_argument("instruction", help='such as "[1-2s: raise your brows] then look left"')
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
        instruction=args.instruction,
        speech=handle_file(args.speech) if args.speech else None,
        text=args.text,
        seconds=args.seconds,
        seed=args.seed,
        consent=args.consent,
        api_name="/text_instructed",
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
