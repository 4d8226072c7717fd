"""Evaluation of controls and instructions on planted and rendered changes."""

import numpy as np
import pytest

from gaia_core.controls import EXPRESSION, Keyframe
from gaia_core.evaluation import control, instructions, lip_timing, portraits, steadiness
from gaia_core.evaluation.tables import format_table
from gaia_core.instruction.actions import ACTIONS
from gaia_core.instruction.language import NONE
from gaia_core.portrait.face import Face

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def portrait(landmarker, photo):
    return portraits.detect_portrait(landmarker, "astronaut", photo)


def found(inside, before=0.0, after=0.0, channel="smile", spread=(1.0, 1.0)):
    change = np.zeros((3, len(instructions.CHANNELS)))
    change[:, instructions.CHANNELS.index(channel)] = inside, before, after
    return {"change": change, "spread": np.array(spread)}


SMILE = {"smile": (Keyframe(1.0, 0.0), Keyframe(1.5, 1.0), Keyframe(2.2, 0.0))}
MOMENT = 38  # the frame next to the middle key


@pytest.mark.parametrize(
    ("seen", "right"),
    [
        (found(0.8), True),
        (found(0.1), False),  # hardly
        (found(-0.8), False),  # the wrong way
        (found(0.8, before=0.6), False),  # before it was asked for
        (found(0.8, after=0.6), False),
        (found(0.8, channel="frown"), False),
    ],
)
def test_a_change_is_right_in_its_span_and_channel(seen, right):
    assert instructions._evaluate("smile", SMILE, MOMENT, seen)["right"] is right


def test_keeping_still_is_measured_by_the_spread():
    for spread, right in (((0.1, 1.0), True), ((0.9, 1.0), False)):
        seen = found(0.0, spread=spread)
        assert instructions._evaluate("still", {}, MOMENT, seen)["right"] is right


def test_phrases_are_plain_and_of_known_actions():
    pairs = list(instructions.phrases())
    assert {action for action, _ in pairs} == set(ACTIONS) - {NONE}
    assert not any(text[:2] in instructions.MARKS for _, text in pairs)


def test_instructions_are_measured_in_frames(gaia, portrait):
    requested = [("tilt left", "tilt your head to the left"), ("turn right", "clap your hands")]
    report = instructions.measure(gaia, [portrait], requested)
    assert (report["phrases"], report["read_right"]) == (2, 0.5)
    assert report["by_action"] == {"tilt left": 1.0, "turn right": 0.0}
    table = format_table({"instructions": report, "identities": {"val": 1, "train": 1}})
    assert "clap your hands" in table


def test_controls_are_measured_in_frames(gaia, portrait, tmp_path):
    report = control.measure(gaia, [portrait], tmp_path)
    assert report["pose"]["error_degrees"]["roll"] < 2
    assert report["pose"]["share_read"]["roll"] == pytest.approx(1, abs=0.2)
    assert set(report["expression"]) == set(EXPRESSION)
    assert set(report["cross_talk"]) == set(control.SIMPLE)
    assert {path.name for path in tmp_path.rglob("*.png")} == {"pose.png", "expression.png"}
    assert "in order" in format_table({"control": report, "identities": {"val": 1, "train": 1}})


def test_lips_are_compared_with_the_real_ones(gaia, portrait, monkeypatch):
    monkeypatch.setattr(lip_timing, "SECONDS", 0.8)
    sound = np.random.default_rng(0).normal(size=16_000).astype(np.float32) * 0.1
    gaps = iter(np.random.default_rng(1).uniform(0, 10, 10))
    faces = [Face(portrait.face.landmarks.copy(), portrait.face.blendshapes) for _ in range(10)]
    for face in faces:
        face.landmarks[14, 1] += next(gaps)
    clip = portraits.TrackedClip("film", "someone", [portrait.crop] * 10, faces)
    report = lip_timing.measure(gaia, [(clip, sound)])
    assert report["clips"] == 1 and set(report["correlation"]) == {"plain", "turning", "smiling"}
    lost = report["correlation"]["plain"] - report["correlation"]["turning"]
    assert report["loss"]["turning"] == pytest.approx(lost)
    assert report["over_0.05"]["turning"] == (lost > 0.05)
    same = portraits.TrackedClip("still", "someone", [portrait.crop] * 10, [portrait.face] * 10)
    assert lip_timing.measure(gaia, [(same, sound)])["clips"] == 0  # nothing to follow


def test_a_gaze_behind_closed_lids_is_no_cross_talk(gaia, portrait):
    talk = control.measure_expression(gaia, [portrait])["cross_talk"]
    assert not set(control.GAZE) & set(talk["blink"]) and set(control.GAZE) < set(talk["smile"])


def test_a_speaking_portrait_is_measured_at_its_own_size(gaia, landmarker, photo, monkeypatch):
    for name, value in (("SECONDS", 1), ("BLINK_SEEDS", 2), ("BLINK_SECONDS", 2)):
        monkeypatch.setattr(steadiness, name, value)
    portrait = portraits.detect_portrait(landmarker, "astronaut", photo, steadiness.SIDE)
    speech = 0.1 * np.sin(np.arange(16000)).astype(np.float32)
    report = steadiness.measure(gaia, landmarker, [portrait], speech)
    assert report["portraits"] == 1 and report["steadiness"] > 0
    assert report["brow_spread"] > 0 and report["lid_spread"] > 0
    assert report["blinks"]["lowest"] <= report["blinks"]["median"] <= report["blinks"]["highest"]
