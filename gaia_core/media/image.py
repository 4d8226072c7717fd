"""Reading photos; the only caller of image codecs."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps, ImageStat

from gaia_core.errors import InputError
from gaia_core.media.ffmpeg import WANTED, check_file

MAX_SIDE = 4096  # px; larger photos are reduced
# px; a photo at least twice as long is first reduced by a whole number, which is quick; a JPEG is
# so while it is decoded.
_REDUCED_SIDE = 4000
MAX_MEGAPIXELS = 80

# Formats whose decoders run inside this process; EPS, for one, would start Ghostscript.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "PPM")
_VIEWED = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "AVIF")  # what every browser shows
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")  # the others' further images are no later moments
_LOOKED_AT = 30  # first frames of an animation, of which one is taken
MID_GREY = 128

pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def read_photo(path: Path | str) -> tuple[np.ndarray, np.ndarray | None]:
    """A photo, upright, its longest side at most `MAX_SIDE`, and its alpha channel.

    EXIF rotation and colour profiles are applied; transparency is composited over mid-grey.

    Returns:
        uint8 (H, W, 3) sRGB, and uint8 (H, W) or None if all is opaque.

    Raises:
        InputError: not a readable image, or its declared size is over `MAX_MEGAPIXELS`.
    """
    image = _open(Path(path))
    return _to_rgb(image), _matte(image)


def read_image(path: Path | str) -> np.ndarray:
    """The photo alone, see `read_photo`."""
    return read_photo(path)[0]


def viewable(path: Path) -> Path:
    """A photo as browsers show it: the file, or of HEIC, TIFF and the like a copy beside it.

    Raises:
        InputError: as `read_photo`.
    """
    with suppress(Exception), Image.open(path, formats=_VIEWED):
        return path
    pixels, matte = read_photo(path)
    copy = path.with_suffix(".jpg" if matte is None else ".png")
    image = Image.fromarray(pixels)
    if matte is not None:
        image.putalpha(Image.fromarray(matte))
    image.save(copy, quality=95, subsampling=0)
    return copy


def _open(path: Path) -> Image.Image:
    """A photo, upright, a large JPEG already reduced."""
    check_file(path, WANTED["portrait"])
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]  # AVIF is not in every build
    try:
        with Image.open(path, formats=formats) as image:
            small = image.width * image.height <= MAX_MEGAPIXELS * 1e6
            if small:
                _skip_plain_frames(image)
                scale = _REDUCED_SIDE / max(image.size)
                image.draft(None, (int(scale * image.width), int(scale * image.height)))
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
    except Image.DecompressionBombError:
        small = False
    except Exception as error:  # Pillow's decoders raise whatever damaged bytes provoke
        raise InputError(
            "{name} cannot be read as an image; save it as JPEG or PNG and try again.",
            name=path.name,
        ) from error
    if not small:
        raise InputError(
            "{name} has more than {most} megapixels; reduce it and try again.",
            name=path.name,
            most=MAX_MEGAPIXELS,
        )
    return image


def _skip_plain_frames(image: Image.Image) -> None:
    """Goes to the first frame with half the contrast of any: many animations fade in from black."""
    if image.format not in _ANIMATED or not getattr(image, "is_animated", False):
        return
    contrasts = []
    for frame in range(min(getattr(image, "n_frames", 1), _LOOKED_AT)):
        image.seek(frame)
        contrasts.append(ImageStat.Stat(image.convert("L")).stddev[0])
    image.seek(next(i for i, c in enumerate(contrasts) if c >= max(contrasts) / 2))


def _matte(image: Image.Image) -> np.ndarray | None:
    if not image.has_transparency_data:
        return None
    matte = np.array(_reduced(image.convert("RGBA").getchannel("A")))
    return None if matte.min() == 255 else matte


def _to_rgb(image: Image.Image) -> np.ndarray:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16 bits of grey, also where Pillow widens them to 32
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (MID_GREY, MID_GREY, MID_GREY, 255))
        image = Image.alpha_composite(ground, image).convert("RGB")
    if image.mode not in ("RGB", "CMYK"):
        image = image.convert("RGB")
    image = _reduced(image)
    if profile:
        with suppress(ImageCms.PyCMSError, OSError):  # a damaged profile is ignored
            image = _to_srgb(image, profile)
    return np.array(image.convert("RGB"))


def _reduced(image: Image.Image) -> Image.Image:
    factor = max(image.size) // _REDUCED_SIDE
    if factor > 1:
        image = image.reduce(factor)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.HAMMING)  # a third of Lanczos' time
    return image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    return converted or image
