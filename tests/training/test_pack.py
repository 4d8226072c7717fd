"""Packs of clips and photos: content, order and crops."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import MOTION, places

from gaia_core import landmarks as mesh
from gaia_core.errors import InputError
from gaia_core.media.video import VideoWriter, read_video
from gaia_core.motion.smoothing import smooth
from gaia_core.speech.encoder import FEATURES
from gaia_core.training.clip_frames import ClipFrames, pack_latents
from gaia_core.training.denoiser import MotionWindows
from gaia_core.training.pack import (
    NOISE_FILTER,
    FramePack,
    clip_landmarks,
    pack_frames,
    pack_motion,
    quantise,
    read_landmarks,
    read_manifest,
    restore,
)
from gaia_core.training.renderer import FramePairs

pytestmark = pytest.mark.slow


def test_landmarks_survive_quantisation(make_faces):
    landmarks = make_faces(2, 5).landmarks
    restored = restore(quantise(landmarks.numpy()))
    assert 256 * (restored - landmarks).abs().max() < 0.01  # px


def test_frames_are_decoded_in_the_given_order(frame_pack):
    frames = FramePack(frame_pack)
    images = frames.images(torch.tensor([[3, 0], [7, 3]]))
    assert images.shape == (2, 2, 3, 256, 256)
    assert torch.equal(images[0, 0], images[1, 1]) and not torch.equal(images[0, 0], images[0, 1])
    torch.testing.assert_close(
        places(images[:, 0], 1), frames.landmarks[[3, 7], mesh.LIP_BOTTOM, :2], atol=0.01, rtol=0
    )


def test_the_manifest_is_split(clips):
    assert [clip.identity for clip in read_manifest(clips, "train")] == ["ann", "bob"]
    (held_out,) = read_manifest(clips, "val")
    assert held_out.identity == "eve" and held_out.has_audio


def test_clips_are_packed(clips, tmp_path, landmarker, encoder):
    for clip in read_manifest(clips, "train"):
        found = clip_landmarks(clip, clips, tmp_path, landmarker)
        assert found.shape == (20, mesh.COUNT, 3) and np.isfinite(found).all()
        # The camera goes right by a pixel a frame, so the face goes left.
        pace = np.diff(found[:, list(mesh.RIGID), 0].mean(1)).mean() * 256
        assert pace == pytest.approx(-1, abs=0.15)
        again = clip_landmarks(clip, tmp_path / "nowhere", tmp_path, landmarker)  # from the cache
        assert np.array_equal(found, again)
    landmarks, clip_of = read_landmarks(clips, tmp_path, per_identity=12)
    assert landmarks.shape[1:] == (mesh.COUNT, 3) and sorted(set(clip_of.tolist())) == [0, 1]

    pack_frames(clips, tmp_path, tmp_path / "frames.safetensors", per_identity=6)
    frames = FramePack(tmp_path / "frames.safetensors")
    assert [name.split("|")[0] for name in frames.names] == ["ann", "bob"]
    assert frames.clip.bincount().tolist() == [6, 6]
    assert frames.images(torch.tensor([0])).shape == (1, 3, 256, 256)

    pack_motion(clips, tmp_path, tmp_path / "motion.safetensors", encoder)
    windows = MotionWindows(tmp_path / "motion.safetensors", MOTION.groups)
    assert [(len(m), len(s)) for m, s in zip(windows.motion, windows.speech, strict=True)] == [
        (20, 20),
        (20, 0),
    ]
    assert windows.width == FEATURES
    first = torch.from_numpy(
        clip_landmarks(read_manifest(clips, "train")[0], clips, tmp_path, None)
    )
    clean = smooth(encoder(first), MOTION.groups, NOISE_FILTER)
    torch.testing.assert_close(windows.motion[0].float(), clean, atol=0.02, rtol=2e-3)


def test_latents_are_packed_beside_the_clips(clips, found_landmarks, tmp_path, encoder):
    out = tmp_path / "latents.safetensors"
    pack_latents(clips, found_landmarks, out, encoder)
    assert out.stat().st_size < 20_000
    frames = ClipFrames(out, clips, encoder)
    assert [name.split("|")[0] for name in frames.names] == ["ann", "bob"]
    assert frames.clip.bincount().tolist() == [20, 20]
    images = frames.images(torch.tensor([[0, 25]]))
    second = list(read_video(clips / "clips" / "train" / "bob" / "2.mp4"))
    assert images.shape == (1, 2, 3, 256, 256)
    assert torch.equal((255 * images[0, 1]).byte().permute(1, 2, 0), torch.from_numpy(second[5]))
    first = read_manifest(clips, "train")[0]
    found = torch.from_numpy(clip_landmarks(first, clips, found_landmarks, None))
    own = encoder.landmarks(encoder(found))
    torch.testing.assert_close(frames.landmarks[:20], own, atol=2e-3, rtol=0)
    assert next(iter(FramePairs(frames, encoder.template, 2)))["portrait"].shape[0] == 2
    # Another clip in the same place is noticed.
    other = tmp_path / "data" / "clips" / "train"
    for person, source in (("ann", 1), ("bob", 2)):
        (other / person).mkdir(parents=True)
        with VideoWriter(other / person / f"{source}.mp4", 256, 256, None, {}) as writer:
            for frame in second[:9]:
                writer.write(frame)
    with pytest.raises(InputError, match="changed since it was packed"):
        ClipFrames(out, tmp_path / "data", encoder)


def test_people_with_several_photos_are_packed(clips, photo, tmp_path):
    data = tmp_path / "data"
    (data / "portraits" / "train").mkdir(parents=True)
    (data / "clips").symlink_to(clips / "clips")
    rows = [("train/ada_n.png", "ada"), ("train/ada_s.png", "ada"), ("train/one.png", "one")]
    for file, _ in rows:
        Image.fromarray(photo).save(data / "portraits" / file)
    rows += [("train/ada_x.png", "ada"), ("train/bea_n.png", "bea"), ("train/bea_x.png", "bea")]
    Image.fromarray(photo).save(data / "portraits" / "train/bea_n.png")
    for name in ("ada_x", "bea_x"):  # no face is seen in these
        Image.new("RGB", (256, 256), "grey").save(data / "portraits" / "train" / f"{name}.png")
    lines = ["file,identity,source,licence", *(f"{file},{who},lab,free" for file, who in rows)]
    (data / "portraits" / "manifest.csv").write_text("\n".join(lines) + "\n")
    cache = tmp_path / "cache"
    cache.mkdir()
    pack_frames(data, cache, tmp_path / "frames.safetensors", per_identity=3)
    frames = FramePack(tmp_path / "frames.safetensors")
    assert frames.names[-1].split("|")[0] == "ada" and len(frames.names) == 3
    pair = frames.clip == 2
    assert pair.sum() == 2
    width = frames.landmarks[pair, :, 0].amax(1) - frames.landmarks[pair, :, 0].amin(1)
    assert ((width > 0.4) & (width < 0.55)).all()  # cropped as the clips are
    assert next(iter(FramePairs(frames, frames.landmarks[0], 2)))
