"""Exports of a finished video: GIF, subtitles, poster frame, and WebM with transparency.

Made on demand from the video file. Each is labelled as AI-generated, like the video.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gaia_core.errors import InputError
from gaia_core.media import SUFFIX
from gaia_core.media.image import MID_GREY
from gaia_core.media.label import COMMENT, draw_label
from gaia_core.media.video import read_recipe, read_video, transcode, write_webm
from gaia_core.request import Word

GIF_SIDE = 320  # px, the longer side
GIF_RATE = 12.5  # frames a second: GIF counts in hundredths
# The palette is that of moving pixels; an ordered dither costs fewer bytes than error diffusion.
_GIF = (
    f"fps={GIF_RATE},scale='min({GIF_SIDE},iw)':'min({GIF_SIDE},ih)'"
    ":force_original_aspect_ratio=decrease:flags=lanczos,split[a][b];[a]palettegen=max_colors=128:stats_mode=diff[p];"
    "[b][p]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle"
)

CUE_LETTERS = 42  # of a line of subtitles; a cue has at most two
CUE_SECONDS = 5.0
CUE_PLACE = "line:-4"  # above the visible label
FAR = 80  # letters of the text to search for the next spoken word
CUE_PAUSE = 0.6  # seconds of silence that end a cue


def make(
    kind: str,
    video: Path,
    words: Sequence[Word] = (),
    cutout: np.ndarray | None = None,
    text: str = "",
) -> Path:
    """Writes one of the formats `SUFFIX` beside a video; returns its path.

    Args:
        kind: a key of `SUFFIX`.
        words: of the video's `Result`, for subtitles.
        cutout: of the video's `Result`, for the WebM.
        text: of the video's recipe, for the spelling of subtitles.

    Raises:
        InputError: the video lacks what the format needs.
    """
    check(kind, bool(words), cutout is not None)
    out = video.with_suffix(SUFFIX[kind])
    try:
        if kind == "gif":
            gif(video, out)
        elif kind == "poster":
            poster(video, out)
        elif cutout is not None and kind == "webm":
            webm(video, cutout, out)
        else:
            out.write_text(vtt(written(words, text)), encoding="utf-8")
    except BaseException:
        out.unlink(missing_ok=True)  # an incomplete file, if the disk is full
        raise
    return out


def check(kind: str, spoken: bool, transparent: bool) -> None:
    """Whether one of `SUFFIX` can be made.

    Args:
        spoken: the take has times of words.
        transparent: the portrait has transparency.

    Raises:
        InputError: it cannot; says what it needs.
    """
    if kind == "webm" and not transparent:
        raise InputError("A WebM needs a portrait with transparency; give such a PNG.")
    if kind == "vtt" and not spoken:
        raise InputError("Subtitles need the times of words; type what shall be said.")


def gif(video: Path, out: Path) -> None:
    """A small GIF without sound."""
    transcode(video, out, ["-filter_complex", _GIF, "-loop", "0"])
    data = out.read_bytes()
    # ffmpeg writes no comment. It belongs after the header, the screen and the global palette.
    end = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    note = COMMENT.encode()
    out.write_bytes(data[:end] + b"\x21\xfe" + bytes([len(note)]) + note + b"\0" + data[end:])


def poster(video: Path, out: Path) -> None:
    """The first frame as PNG."""
    frames = read_video(video)
    info = PngInfo()
    info.add_text("Comment", COMMENT)
    Image.fromarray(next(frames)).save(out, pnginfo=info)


def vtt(words: Sequence[Word]) -> str:
    """Subtitles in WebVTT, a few words at a time."""
    cues = []
    for cue in _cues(words):
        shown = "\n".join(_lines(cue))
        shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        cues.append(f"{_clock(cue[0].start)} --> {_clock(cue[-1].end)} {CUE_PLACE}\n{shown}\n")
    return "\n".join(["WEBVTT\n", f"NOTE {COMMENT}\n", *cues])


def written(words: Sequence[Word], text: str) -> list[Word]:
    """Spoken words with the spelling and punctuation of the text; words not in it are kept."""
    found, place = [], 0
    for word in words:
        # Punctuation, the whole word where its script has spaces, punctuation.
        spoken = re.escape(word.text.strip())
        whole = rf"(?<!\w){spoken}(?!\w)" if word.text.isascii() else spoken
        marked = re.compile(rf"[^\w\s]*{whole}[^\w\s]*", re.IGNORECASE)
        match = marked.search(text, place, place + FAR + len(spoken))
        if match:
            word, place = replace(word, text=match[0]), match.end()
        found.append(word)
    return found


def webm(video: Path, cutout: np.ndarray, out: Path) -> None:
    """A WebM with the portrait's transparency.

    The portrait's matte is warped to each frame by optical flow (DIS: Kroeger et al. 2016), and
    the grey background is removed from the colours.

    Args:
        cutout: uint8 (H, W, 4), the portrait at the size of frames.
    """
    write_webm(out, _cut(video, cutout), video)


def _cut(video: Path, cutout: np.ndarray) -> Iterator[np.ndarray]:
    """The video's frames as (H, W, 4)."""
    still, matte = cutout[..., :3], cutout[..., 3]
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    before = cv2.cvtColor(still, cv2.COLOR_RGB2GRAY)
    height, width = matte.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    labelled = read_recipe(video).get("label", True)
    marked = _label_opacity(height, width) if labelled else np.zeros((height, width), np.float32)
    flow = np.zeros((height, width, 2), np.float32)
    for frame in read_video(video):
        # Backward flow, from the frame to the portrait.
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        flow = np.asarray(flow_of.calc(grey, before, flow))
        moved = cv2.remap(matte, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
        opacity = np.maximum(np.asarray(moved, np.float32) / 255, marked)[..., None]
        ground = np.float32(MID_GREY)
        colours = ground + (frame - ground) / opacity.clip(0.02)
        yield np.concatenate([colours, 255 * opacity], -1).clip(0, 255).round().astype(np.uint8)


def _label_opacity(height: int, width: int) -> np.ndarray:
    """Opacity of the visible label, (H, W) in [0, 1]."""
    dark = np.zeros((height, width, 3), np.uint8)
    shown = draw_label(dark + np.uint8(255))[..., 0] - draw_label(dark)[..., 0].astype(float)
    return 1 - shown / 255


def _cues(words: Sequence[Word]) -> Iterator[list[Word]]:
    cue: list[Word] = []
    for word in words:
        if cue and (
            max(map(len, _lines([*cue, word]))) > CUE_LETTERS
            or word.end - cue[0].start > CUE_SECONDS
            or word.start - cue[-1].end > CUE_PAUSE
            or cue[-1].text.rstrip("\"')]}”’").endswith((".", "!", "?", "。", "！", "？"))
        ):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _lines(cue: Sequence[Word]) -> list[str]:
    """A cue in one line, or in two of about equal length."""
    texts = [word.text.strip() for word in cue]
    whole = " ".join(texts)
    if len(whole) <= CUE_LETTERS:
        return [whole]
    halves = ([" ".join(texts[:i]), " ".join(texts[i:])] for i in range(1, len(texts)))
    return min(halves, key=lambda lines: max(map(len, lines)), default=[whole])


def _clock(seconds: float) -> str:
    thousandths = round(max(seconds, 0.0) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
