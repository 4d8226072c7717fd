"""Speech features: values, timing and lengths."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gaia_core import SAMPLE_RATE
from gaia_core.assets import shipped_model
from gaia_core.errors import InputError
from gaia_core.speech import encoder as speech
from gaia_core.speech.encoder import FEATURES, SpeechEncoder, frame_count


@pytest.fixture(scope="module")
def encoder() -> SpeechEncoder:
    return SpeechEncoder.load()


def babble(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise through a moving resonance, in syllables of a quarter of a second: (N,) float32."""
    noise = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 2 * np.pi * (120 * time + 3 * np.sin(3 * time))
    voice = sum(np.sin(k * pitch) / k * (1 + np.cos(k * time + seed)) for k in range(1, 30))
    envelope = np.clip(np.sin(2 * np.pi * 2 * time), 0, 1)
    return (0.05 * envelope * voice + 1e-3 * noise.standard_normal(len(time))).astype(np.float32)


def whisper_mel(encoder: SpeechEncoder, waveform: np.ndarray) -> torch.Tensor:
    """(80, N // 160) on Whisper's scale, without gain."""
    padded = np.pad(waveform, speech.N_FFT // 2, "reflect")
    mel = encoder.raw_mel(torch.from_numpy(padded))[:, : len(waveform) // speech.HOP]
    return (mel.clamp(min=mel.max() - 8) + 4) / 4


@pytest.mark.parametrize(
    "samples",
    [0, 1, 319, 320, 321, 639, 640, 641, 960, 15_999, 16_000, 16_001, 95_999, 96_000, 200_123],
)
def test_one_feature_for_every_video_frame(encoder: SpeechEncoder, samples: int) -> None:
    features = encoder.encode(babble(13)[:samples])
    assert features.shape == (round(samples / 16_000 * 25), FEATURES)
    assert features.dtype == torch.float32 and bool(features.isfinite().all())
    assert frame_count(samples) == len(features)


def test_equals_whisper(encoder: SpeechEncoder) -> None:
    """The same weights in transformers' own encoder and extractor give the same layers."""
    whisper = pytest.importorskip("transformers.models.whisper")
    config = whisper.WhisperConfig(d_model=384, encoder_layers=3, encoder_attention_heads=6)
    config.encoder_ffn_dim, config.max_source_positions = 1536, 150  # 3 s of its 30
    theirs = whisper.modeling_whisper.WhisperEncoder(config).eval()
    state = load_file(shipped_model(speech.WEIGHTS))
    state["embed_positions.weight"] = state["embed_positions.weight"][:150]
    missing = theirs.load_state_dict(state, strict=False)  # the final norm is not used
    assert set(missing.missing_keys) == {"layer_norm.weight", "layer_norm.bias"}

    waveform = babble(3)
    mel = whisper_mel(encoder, waveform)
    extractor = whisper.WhisperFeatureExtractor(chunk_length=3)
    expected = extractor(waveform, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
    torch.testing.assert_close(mel, expected[0], atol=1e-4, rtol=0)
    with torch.no_grad():
        found = theirs(expected, output_hidden_states=True).hidden_states
        for layer in (0, 1, 2):  # the last of theirs is normalised
            torch.testing.assert_close(
                encoder.hidden(mel)[layer], found[layer][0], atol=1e-3, rtol=0
            )
        ours = torch.nn.functional.layer_norm(encoder.hidden(mel)[3], (384,))
        torch.testing.assert_close(ours, found[3][0], atol=1e-3, rtol=0)


def test_features_are_aligned_with_the_sound(encoder: SpeechEncoder) -> None:
    quiet = 1e-2 * np.random.default_rng(1).standard_normal(32_000)
    click = quiet.copy()
    at = 1.02  # the middle of frame 25
    start = round((at - 0.02) * SAMPLE_RATE)
    click[start : start + 640] += 0.3 * np.sin(np.arange(640) * 0.3)
    mel = [whisper_mel(encoder, x.astype(np.float32)) for x in (quiet, click)]
    with torch.no_grad():
        first = [encoder.hidden(x)[0] for x in mel]  # the convolutions alone see 50 ms
    change = (first[1] - first[0]).norm(dim=1)
    middle = (change * torch.arange(len(change))).sum() / change.sum() / 50
    assert abs(float(middle) - at) < 0.02
    frames = speech.to_frames((first[1] - first[0])[:99])[0].norm(dim=1)
    assert int(frames.argmax()) == 25


def test_level_of_the_recording_does_not_matter(encoder: SpeechEncoder) -> None:
    loud = 3 * babble(2)
    torch.testing.assert_close(encoder.encode(loud), encoder.encode(loud / 5), atol=1e-3, rtol=0)


def test_silence_is_not_amplified(encoder: SpeechEncoder) -> None:
    silence, spoken = encoder.encode(np.zeros(32_000, np.float32)), encoder.encode(babble(2))
    assert float(silence.std(0).mean()) < 0.5 * float(spoken.std(0).mean())


def test_windows_leave_no_seam(encoder: SpeechEncoder) -> None:
    features = encoder.encode(babble(14))
    change = (features[1:] - features[:-1]).norm(dim=1)
    starts = speech.window_starts(2 * len(features) + 1)
    assert len(starts) > 2
    edges = [s // 2 for s in starts[1:]] + [(s + speech.WINDOW_STEPS) // 2 for s in starts[:-1]]
    at_edges = torch.stack([change[e - 2 : e + 2].max() for e in edges])
    assert float(at_edges.max()) <= float(change.max())
    assert float(at_edges.mean()) < 1.5 * float(change.mean())


@pytest.mark.parametrize("steps", [301, 302, 499, 500, 501, 6001])
def test_windows_cover_everything(steps: int) -> None:
    starts = speech.window_starts(steps)
    assert starts[0] == 0 and starts[-1] + speech.WINDOW_STEPS == steps
    assert all(
        0 < b - a <= speech.WINDOW_STEPS - 100 for a, b in zip(starts, starts[1:], strict=False)
    )


def test_invalid_waveforms_raise(encoder: SpeechEncoder) -> None:
    with pytest.raises(ValueError, match="mono"):
        encoder.encode(np.zeros((2, 1600), np.float32))
    with pytest.raises(ValueError, match="finite"):
        encoder.encode(np.full(1600, np.nan, np.float32))


def test_missing_weights_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "WEIGHTS", "none.safetensors")
    with pytest.raises(InputError, match="none.safetensors is missing; restore it"):
        SpeechEncoder.load()
