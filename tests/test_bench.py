"""The bench counts operations and cites the sources of other models' numbers."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from gaia_core import bench
from gaia_core.motion.live import DELAY

pytestmark = pytest.mark.slow


def tone(seconds: float) -> np.ndarray:
    """(N,) float32 at 16 kHz."""
    return (0.1 * np.sin(np.arange(round(16_000 * seconds)) / 20)).astype(np.float32)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench, "MATRIX", 64)
    monkeypatch.setattr(bench, "FPS", 2)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Whose decoders work beside the thread that counts."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def test_each_part_is_timed_and_its_work_counted(gaia, photo, tmp_path, quick, two_threads):
    report = bench.parts(gaia, photo, tone(0.6), tmp_path)
    rows = {row["name"].split()[0]: row for row in report["parts"]}
    assert rows.keys() >= {"face", "speech", "motion", "appearance", "decode", "compose", "encode"}
    assert all(row["ms"] > 0 for row in rows.values())
    assert all(rows[name]["gflops"] > 0 for name in ("speech", "motion", "appearance", "decode"))
    assert rows["compose"]["gflop"] == rows["encode"]["gflop"] == 0
    assert report["ceiling_gflops"]["fp32"] > 0
    # A clip of 15 frames encodes the portrait once: at least its first layer, at half the side.
    weights = gaia.networks.autoencoder.renderer.stem[0].weight
    side = gaia.networks.autoencoder.config.image // 2
    assert rows["appearance"]["gflop"] * 15 >= 2 * weights.numel() * side**2 / 1e9


def test_a_gpu_decodes_batches_and_samples_a_window(gaia, photo, quick, monkeypatch):
    monkeypatch.setattr(bench, "BATCHES", (1, 3))
    found = bench.on_gpu(gaia, photo, tone(0.6))  # here on the CPU
    assert found["fps_by_batch"].keys() == {1, 3} and min(found["fps_by_batch"].values()) > 0
    assert found["sampling_ms"] > 0


def test_live_speech_is_timed(gaia, photo):
    found = bench.live(gaia, photo, tone(3.0))
    chunk = bench.CHUNK / 16_000
    assert DELAY - 0.1 <= found["live_speech_s"] <= DELAY + chunk
    assert found["live_delay_s"] > found["live_speech_s"] and found["live_fps"] > 0


def test_a_voice_is_shown_25_frames_a_second(gaia, photo):
    found = bench.voice(gaia, photo, tone(2.0))
    assert 0 < found["voice_fps"] <= 25 and 0 <= found["voice_paused"] < 1
    # No frame can be shown before the speech that it needs has been heard.
    assert 1e3 * DELAY - 200 < found["voice_p50_ms"] <= found["voice_p95_ms"]


def test_a_mirror_shows_the_newest_frame_and_drops_the_rest(gaia, photo):
    found = bench.mirror(gaia, photo, seconds=1.0)
    assert 0 < found["mirror_fps"] <= 26 and 0 <= found["mirror_dropped"] < 1
    assert 0 < found["mirror_p50_ms"] <= found["mirror_p95_ms"]
    # What is dropped is not made up for: a frame is late by its own work alone.
    assert found["mirror_p50_ms"] < 2.5e3 / found["mirror_fps"]


def test_large_uploads_cost_what_is_used_of_them(gaia, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 3)
    monkeypatch.setattr(bench, "FPS", 8)
    found = bench.uploads(gaia, photo, tmp_path)
    assert 0 < found["photo_50_s"] < 3  # s of processor time; 1.5 on an idle machine
    assert 0 < found["drive_2160_ms"] < 1.6 * found["drive_720_ms"]


def test_published_numbers_have_sources(gaia):
    report = {
        **{"device": "cpu", "load_s": 1.0, "first_preview_s": 1.0, "peak_rss_mb": 1.0},
        **{"rtf_256": 0.5, "rtf_1024": 1.0, "stages_256": {}, "stages_1024": {}, "parts": []},
        **{"live_delay_s": 2.0, "live_speech_s": 1.5, "live_fps": 30.0, "ceiling_gflops": {}},
        **{"voice_fps": 25.0, "voice_p50_ms": 2e3, "voice_p95_ms": 3e3},
        **{"voice_paused": 0.1, "voice_dropped": 0.2},
        **{"mirror_fps": 20.0, "mirror_p50_ms": 60.0, "mirror_p95_ms": 90.0, "mirror_dropped": 0.2},
        **{"photo_50_s": 1.0, "drive_720_ms": 30.0, "drive_2160_ms": 35.0},
        "parameters": bench.parameters(gaia),
    }
    plain, whole = bench.format_table(report), bench.format_table(report, peers=True)
    assert whole.startswith(plain) and "LivePortrait" not in plain
    assert all(peer.source and peer.source in whole for peer in bench.PEERS)
    assert all(peer.parameters or peer.seconds for peer in bench.PEERS)
    rates = {"sampling_ms": 136.0, "fps_by_batch": dict.fromkeys(bench.BATCHES, 27.0)}
    both = bench.format_table({**report, "launched": rates, "captured": rates})
    assert both.startswith(plain) and "captured" in both
