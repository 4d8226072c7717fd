"""Keyframes to curves, presets, serialisation and validation of controls."""

import json

import numpy as np
import pytest

from gaia_core import FPS
from gaia_core.controls import CHANNELS, FADE, PRESETS, STRENGTHS, Controls, Keyframe, curve
from gaia_core.errors import InputError


def track(*keys: tuple) -> tuple[Keyframe, ...]:
    return tuple(Keyframe(*key) for key in keys)


def test_a_curve_interpolates_its_keys():
    values = curve(track((0.0, 0.0), (1.0, 10.0, "linear"), (2.0, 0.0)), 75)
    assert values[[0, 25, 50]].tolist() == [0, 10, 0]
    assert values[12] < 5 < values[13] and values[3] < 1  # smooth
    assert values[38] == pytest.approx(4.8)  # straight
    assert (values[50:] == 0).all()


def test_a_hold_jumps_at_the_next_key():
    values = curve(track((0.0, 1.0, "hold"), (1.0, 5.0)), 50)
    assert set(values[:25]) == {1} and set(values[25:]) == {5}


def test_pose_is_free_before_its_first_key_and_after_free_ones():
    values = curve(track((0.4, 1.0), (0.8, 2.0, "free"), (1.2, 3.0, "free")), 50)
    free = np.isnan(values)
    assert free[:10].all() and not free[10:21].any()
    assert free[21:30].all() and not free[30] and free[31:].all()


def test_expressions_fade_in_and_out():
    values = curve(track((1.0, 0.8)), 75, 0.0)
    fade = round(FADE * FPS)
    assert values[25] == pytest.approx(0.8)
    assert (values[: 25 - fade] == 0).all() and (values[26 + fade :] == 0).all()
    assert np.abs(np.diff(values)).max() < 0.3
    edges = curve(track((0.0, 0.8), (2.96, 0.8)), 75, 0.0)
    assert edges[0] == edges[-1] == pytest.approx(0.8)


@pytest.mark.parametrize("outside", [None, 0.0])
@pytest.mark.parametrize("first", [0, 10, 24, 40, 75])
def test_a_part_of_a_curve_is_that_of_the_whole(outside, first):
    keys = track((0.4, 1.0), (0.8, 2.0, "hold"), (1.2, 3.0))
    whole = curve(keys, 75, outside)
    np.testing.assert_array_equal(curve(keys, 75, outside, first), whole[first:])


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("seconds", [0.5, 4.0, 120.0])
def test_presets_are_valid_and_start_at_the_portrait(name, seconds):
    controls = PRESETS[name](seconds).check()
    for channel, keys in controls.tracks.items():
        values = curve(keys, round(seconds * FPS))
        assert np.isfinite(values).all()
        assert values[0] == (channel == "scale")
        assert name == "still" or seconds < 1 or np.abs(values).max() > 4


def test_left_is_left_and_up_is_up():
    assert curve(PRESETS["look_left"](4.0).tracks["yaw"], 100)[50] < -10
    assert curve(PRESETS["look_right"](4.0).tracks["yaw"], 100)[50] > 10
    assert curve(PRESETS["look_up"](4.0).tracks["pitch"], 100)[50] > 5
    assert curve(PRESETS["look_down"](4.0).tracks["pitch"], 100)[50] < -5


def test_json_restores_controls():
    controls = PRESETS["orbit"](7.0) + Controls({}, {"head": 0.5})
    assert Controls.from_json(json.loads(json.dumps(controls.to_json()))) == controls
    assert Controls.from_json({"tracks": {"yaw": [[0, 0], [1, 5]]}}).tracks["yaw"][1].value == 5
    assert not Controls.from_json({}) and Controls({}, {"gaze": 0.0})


def test_the_second_of_two_takes_precedence():
    one = Controls({"yaw": track((0.0, 1.0)), "roll": track((0.0, 1.0))}, {"head": 0.5})
    both = one + Controls({"yaw": track((0.0, 2.0))}, {"head": 2.0, "blink": 0.0})
    assert both.tracks["yaw"][0].value == 2 and both.tracks["roll"][0].value == 1
    assert both.strength == {"head": 2.0, "blink": 0.0}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([], "Controls look like"),
        ({"track": {}}, "Controls look like"),
        ({"tracks": []}, "Controls look like"),
        ({"tracks": {"nose": [[0, 0]]}}, "'nose'.*yaw"),
        ({"tracks": {"yaw": []}}, "'yaw' needs 1"),
        ({"tracks": {"yaw": 3}}, "'yaw' is not a list"),
        ({"tracks": {"yaw": [[0, "left"]]}}, "keyframe of 'yaw'"),
        ({"tracks": {"yaw": [[0, float("nan")]]}}, "keyframe of 'yaw'"),
        ({"tracks": {"yaw": [[0, 0, 1]]}}, "keyframe of 'yaw'"),
        ({"tracks": {"yaw": [[0, 31]]}}, "Keyframe 1 of 'yaw' is 31.*-30 to 30"),
        ({"tracks": {"smile": [[-1, 0]]}}, "Keyframe 1 of 'smile' is at -1"),
        ({"tracks": {"yaw": [[1, 0], [1, 5]]}}, "Keyframe 2 of 'yaw' is not later"),
        ({"tracks": {"yaw": [[0, 0, "bounce"]]}}, "'bounce'.*ease, linear"),
        ({"tracks": {"smile": [[0, 0, "free"]]}}, "'free'.*ease, linear, hold"),
        ({"strength": {"nose": 1}}, "'nose'.*head"),
        ({"strength": {"head": 2.5}}, "'head' is 2.5.*0 to 2"),
        ({"strength": {"head": "much"}}, "not a number"),
    ],
)
def test_invalid_controls_raise(value, named):
    with pytest.raises(InputError, match=named):
        Controls.from_json(value)


def test_liveliness_multiplies_the_strengths_that_it_names():
    own = Controls.from_json({"tracks": {"yaw": [[0, 5]]}, "strength": {"brows": 0.5, "mouth": 2}})
    assert own.enlivened(1.0) == own
    calm, lively = own.enlivened(0.0), own.enlivened(2.0)
    assert calm.tracks == lively.tracks == own.tracks
    assert calm.strength["brows"] == 0 and 0 < calm.strength["head"] < 1
    assert lively.strength["brows"] == 1 and lively.strength["head"] > 1
    assert calm.strength["mouth"] == lively.strength["mouth"] == 2
    assert "blink" not in calm.strength | lively.strength


def test_every_channel_has_a_range_about_its_rest():
    for name, (low, high) in CHANNELS.items():
        assert low <= (name == "scale") <= high and low < high
    assert len(set(STRENGTHS)) == len(STRENGTHS)
