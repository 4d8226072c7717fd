"""Speaks an answer while a language model writes it, without a studio.

For example: python examples/05_spoken_while_written.py me.jpg -o out.mp4

`write` stands for the model: any iterator of text will do. Frames come as soon as the first
sentence is written and spoken; here they are kept, and go to a file at the end.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gaia_core import SAMPLE_RATE
from gaia_core.media.audio import write_audio
from gaia_core.media.image import read_image
from gaia_core.media.video import VideoWriter
from gaia_core.pipeline import Gaia
from gaia_core.speech.synthesis import speak

ANSWER = "Of course. A portrait and a voice are all I need. The rest is written while I speak."


def write(text: str, seconds: float = 0.1) -> Iterator[str]:
    """The words of a text, one after the other, as a language model writes them."""
    for word in text.split():
        time.sleep(seconds)
        yield f"{word} "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portrait", type=Path, help="a photo with a face; ask its owner first")
    parser.add_argument("--text", default=ANSWER, help="what the stand-in writes")
    parser.add_argument("--voice", default="hibari-us-female")
    parser.add_argument("-o", "--out", type=Path, default=Path("gaia.mp4"))
    args = parser.parse_args()
    gaia = Gaia.load()
    sound: list[np.ndarray] = []

    def heard() -> Iterator[np.ndarray]:
        for spoken in speak(write(args.text), args.voice):
            sound.append(spoken.speech)
            print(f"{time.monotonic() - began:5.2f} s: {' '.join(w.text for w in spoken.words)}")
            yield spoken.speech

    began = time.monotonic()
    frames = []
    for frame in gaia.stream(read_image(args.portrait), heard()):
        if not frames:
            print(f"{time.monotonic() - began:5.2f} s: the first frame")
        frames.append(frame)
    height, width = frames[0].shape[:2]
    recipe = {"text": args.text, "voice": args.voice}
    with tempfile.TemporaryDirectory(prefix="gaia-") as folder:
        speech = Path(folder, "speech.wav")
        write_audio(speech, np.concatenate(sound), SAMPLE_RATE)
        with VideoWriter(args.out, width, height, speech, recipe) as video:
            for frame in frames:
                video.write(frame)
    print(f"{args.out}: {len(frames)} frames")


if __name__ == "__main__":
    main()
