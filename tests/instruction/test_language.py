"""Instructions: order and times, classification, rejection, and training.

The phrases of gaia_core/evaluation/instructions.toml were written apart from those the head is
trained on.
"""

import itertools
import json
import random
import re
import subprocess
import sys
import tomllib

import pytest
import torch
from safetensors.torch import load_file, save_file

from gaia_core.assets import WEIGHTS
from gaia_core.controls import CHANNELS, POSE, Controls
from gaia_core.errors import InputError
from gaia_core.evaluation.instructions import PHRASES
from gaia_core.instruction import language, sentences
from gaia_core.instruction.actions import ACTIONS, STRENGTHS
from gaia_core.instruction.language import CLASSES, NONE, Instructor
from gaia_core.instruction.timing import parse, schedule
from gaia_core.training.language import gerund, make_sentences, mirror, third_person, train_language

INSTRUCTIONS = tomllib.loads(PHRASES.read_text("utf-8"))


@pytest.fixture(scope="module")
def read(instructor):
    """Instruction and seconds -> [(action, start, end, strength)]."""

    def read(text: str, seconds: float = 4.0):
        clauses = instructor.read(text, seconds).clauses
        return [(x.action, round(x.start, 2), round(x.end, 2), x.strength) for x in clauses]

    return read


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


@pytest.mark.parametrize(
    "text",
    [
        "smile, then nod",
        "smile; nod",
        "smile. Nod.",
        "Smile! nod",
        "smile\nnod",
        "smile and then nod",
        "smile, after that nod",
        "smile and finally nod",
        "smile followed by nod",
    ],
)
def test_successive_parts_share_the_clip(text):
    parts = parse(text)
    assert [part.text.lower() for part in parts] == ["smile", "nod"]
    assert schedule(parts, 4.0) == [(0.0, 2.0), (2.0, 4.0)]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("[1-2s: smile]", [("smile", 1, 2)]),
        ("[1-2s: smile] [1.5s-3s: look left]", [("smile", 1, 2), ("look left", 1.5, 3)]),
        ("[0.5 s to 1 s: smile] nod", [("smile", 0.5, 1), ("nod", 1, 6)]),
        ("smile [3-4s: nod] frown", [("smile", 0, 3), ("nod", 3, 4), ("frown", 4, 6)]),
        ("at 2 seconds, smile", [("smile", 2, 6)]),
        ("after 2.5 s nod", [("nod", 2.5, 6)]),
        ("smile at 1 s and nod at 2.5 s", [("smile", 1, 2.5), ("nod", 2.5, 6)]),
        ("At 2 seconds, smile, at 4 seconds, nod", [("smile", 2, 4), ("nod", 4, 6)]),
        ("smile for two seconds, then nod", [("smile", 0, 2), ("nod", 2, 6)]),
        ("from 1 to 3 s look up", [("look up", 1, 3)]),
        ("smile; look up until 3 s; nod", [("smile", 0, 1.5), ("look up", 1.5, 3), ("nod", 3, 6)]),
        ("look left at second 2", [("look left", 2, 6)]),
        ("[0-6s: smile] nod", [("smile", 0, 6), ("nod", 0, 6)]),
        ("[4-9s: smile]", [("smile", 4, 6)]),
    ],
)  # fmt: skip
def test_stated_times(text, spans):
    parts = parse(text)
    found = schedule(parts, 6.0)
    assert [(p.text, *span) for p, span in zip(parts, found, strict=True)] == spans


def test_decimals_do_not_end_sentences():
    (part,) = parse("tilt by 1.5 degrees")
    assert part.text == "tilt by 1.5 degrees"


@pytest.mark.parametrize(
    "text", ["[1-2s smile]", "[smile", "smile]", "[2-1s: smile]", "[1-1s: nod]"]
)
def test_invalid_spans_raise(text):
    with pytest.raises(InputError, match=r"\.$"):
        parse(text)


def test_parts_beyond_the_clip_are_dropped(instructor):
    reading = instructor.read("[1-2s: smile] [7-8s: nod]", 4.0)
    assert [clause.action for clause in reading.clauses] == ["smile"]
    assert "“nod”" in reading.notice and "4 s" in reading.notice
    many = schedule(parse(";".join(["nod"] * 40)), 2.0)
    assert [end > start for start, end in many] == [True] * 10 + [False] * 30


def test_successive_actions(read):
    assert read("smile, then nod") == [("smile", 0, 2, 0.8), ("nod", 2, 4, 0.8)]


def test_rejected_parts_take_no_time(instructor):
    reading = instructor.read("smile, then boil the pasta for lunch, then nod", 4.0)
    assert [(x.action, x.start, x.end) for x in reading.clauses] == [("smile", 0, 2), ("nod", 2, 4)]
    assert "“boil the pasta for lunch”" in reading.notice


def test_strengths(read):
    for text, strength in (("smile slightly", 0.5), ("smile", 0.8), ("smile very much", 1.2)):
        assert read(text) == [("smile", 0, 4, strength)]


def test_strength_scales_the_motion(instructor):
    def peak(text):
        track = instructor.read(text, 4.0).controls.tracks["yaw"]
        return max(abs(key.value) for key in track)

    slight, normal, strong = map(
        peak, ("turn your head slightly left", "turn your head left", "turn your head far left")
    )
    assert 0 < slight < normal < strong


def test_simultaneous_actions(read):
    assert {(x[0], x[1], x[2]) for x in read("smile and raise your eyebrows")} == {
        ("smile", 0, 4),
        ("raise brows", 0, 4),
    }


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        ("turn left, then right", ["turn left", "turn right"]),
        ("look up; down", ["glance up", "glance down"]),
        ("tilt your head to the left and to the right", ["tilt left", "tilt right"]),
    ],
)
def test_words_are_taken_from_the_piece_before(read, text, actions):
    """Actions of the same channel are successive."""
    found = read(text)
    assert [x[:3] for x in found] == [(actions[0], 0, 2), (actions[1], 2, 4)]


def test_left_is_the_viewers_left(instructor):
    assert all(k.value <= 0 for k in instructor.read("look left", 4.0).controls.tracks["gaze_x"])
    assert all(k.value <= 0 for k in instructor.read("turn left", 4.0).controls.tracks["yaw"])
    assert all(k.value <= 0 for k in instructor.read("tilt left", 4.0).controls.tracks["roll"])
    assert all(k.value >= 0 for k in instructor.read("turn right", 4.0).controls.tracks["yaw"])
    assert "as you see them" in language.HELP


def test_an_eye_is_the_persons_own(instructor):
    assert set(instructor.read("wink with your left eye", 4.0).controls.tracks) == {"wink_left"}
    assert set(instructor.read("wink the right eye", 4.0).controls.tracks) == {"wink_right"}
    assert "own left or right eye" in language.HELP


@pytest.mark.parametrize(
    "text", ["", "  \n", "what is the weather in Paris?", "dance with your legs"]
)
def test_instructions_without_an_action_raise(instructor, text):
    reading = instructor.read(text, 4.0)
    assert not reading.controls and not reading.clauses
    assert "nothing that this face can do" in reading.notice and "nod" in reading.notice


def test_no_notice_if_every_part_is_recognised(instructor):
    assert instructor.read("smile, then nod", 4.0).notice is None


def test_too_long(instructor):
    assert instructor.read("smile; " * 71, 30.0).clauses
    with pytest.raises(InputError, match="504 characters; shorten it to at most 500"):
        instructor.read("smile; " * 72, 30.0)


def test_clauses_as_text(instructor):
    first, second = instructor.read("smile slightly, then nod", 4.0).clauses
    assert str(first) == "smile, 0.0–2.0 s, slightly" and first.text == "smile slightly"
    assert str(second) == "nod, 2.0–4.0 s"


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_stay_in_their_span_and_range(action):
    for (start, end), strength in itertools.product(
        ((0.0, 0.04), (0.0, 0.2), (1.0, 2.0), (0.5, 30.0)), STRENGTHS.values()
    ):
        tracks = ACTIONS[action](start, end, strength)
        Controls(tracks).check()
        for name, track in tracks.items():
            assert start - 1e-3 <= track[0].time and track[-1].time <= end + 1e-3
            rest = 1.0 if name == "scale" else 0.0
            assert track[0].value == track[-1].value == rest
            assert (track[-1].easing == "free") == (name in POSE)


def test_every_action_but_resting_ones_has_motion():
    for action, make in ACTIONS.items():
        moves = any(key.value not in (0, 1) or name not in POSE and key.value
                    for name, track in make(0.0, 2.0, 0.8).items() for key in track)  # fmt: skip
        assert moves == (action not in ("neutral", "still", "look ahead")), action


def test_a_nod_is_two_oscillations_downwards():
    values = [key.value for key in ACTIONS["nod"](0.0, 2.0, 1.0)["pitch"]]
    assert values == [0, -8, 4, -8, 4, 0]


def test_adjacent_actions_do_not_return_to_rest(instructor):
    track = instructor.read("turn left, then turn right", 4.0).controls.tracks["yaw"]
    signs = [key.value > 0 for key in track[1:-1]]
    assert 0 not in [key.value for key in track[1:-1]] and signs == sorted(signs)


def test_a_later_action_ends_an_earlier_one(instructor):
    controls = instructor.read("[0-3s: turn left] [2-4s: turn right]", 4.0).controls
    track = controls.check().tracks["yaw"]
    assert min(key.value for key in track if key.time < 2) < 0
    assert all(key.value >= 0 for key in track if key.time >= 2)


def test_random_combinations_are_valid(instructor):
    phrases = [
        "smile",
        "nod",
        "look left",
        "blink",
        "lean in",
        "shake your head",
        "close your eyes",
    ]
    draw = random.Random(0)
    for _ in range(30):
        text = "".join(
            draw.choice(phrases) + draw.choice([", ", " and ", "; ", ", then ", " for 1 s. "])
            for _ in range(draw.randint(2, 8))
        )
        instructor.read(text, draw.choice([0.5, 2.0, 30.0])).controls.check()


def test_controls_name_known_channels(instructor):
    for action in ACTIONS:
        assert set(ACTIONS[action](0.0, 1.0, 0.8)) <= set(CHANNELS)


def test_held_out_phrases_are_not_in_training():
    trained = {plain(sentence.text) for sentence in make_sentences()}
    for name in ("held_out", "final"):
        for action, phrases in INSTRUCTIONS[name].items():
            assert action in CLASSES and len(phrases) >= (60 if action == NONE else 5)
            assert not trained & {plain(phrase) for phrase in phrases}
        assert set(INSTRUCTIONS[name]) == set(CLASSES)


def test_missing_weights(tmp_path):
    with pytest.raises(InputError, match=r"language\.safetensors is missing; restore it .*\.$"):
        Instructor.load(tmp_path)


def test_weights_for_other_actions_raise(tmp_path):
    weights = load_file(WEIGHTS / language.FILE)
    save_file(weights, tmp_path / language.FILE, {"classes": json.dumps(["none", "fly"])})
    with pytest.raises(InputError, match="for other actions"):
        language.load_head(tmp_path)
    save_file({"x": torch.zeros(1)}, tmp_path / language.FILE, language.METADATA)
    with pytest.raises(InputError, match="damaged"):
        language.load_head(tmp_path)
    (tmp_path / language.FILE).write_bytes(b"no")
    with pytest.raises(InputError, match="damaged"):
        language.load_head(tmp_path)


def test_missing_encoder(monkeypatch):
    monkeypatch.setattr(sentences, "WEIGHTS", "none.safetensors")
    with pytest.raises(InputError, match="none.safetensors is missing; restore it"):
        sentences.SentenceEncoder.load()


def test_the_encoder_is_the_published_one(instructor):
    """Values of the reference implementation; padding changes nothing."""
    texts = [
        "turn the head to the left",
        "rotate your face leftwards",
        "cook some rice tonight, please",
    ]
    vectors = instructor.encoder.embed(texts)
    assert vectors.shape == (3, 384)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(vectors[:1], instructor.encoder.embed(texts[:1]), atol=1e-5, rtol=0)
    assert vectors[0] @ vectors[1] == pytest.approx(0.6602, abs=1e-3)
    assert vectors[0] @ vectors[2] == pytest.approx(0.1085, abs=1e-3)


@pytest.mark.slow
def test_importing_loads_no_framework():
    code = (
        "import sys, gaia_core.instruction.language;"
        "print({'transformers', 'sentence_transformers', 'mediapipe'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()" and not done.stderr


def test_generated_sentences_are_deterministic():
    one, again = make_sentences(), make_sentences()
    assert one == again
    assert len({sentence.text for sentence in one}) == len(one)
    covered = {action for sentence in one for action in sentence.actions}
    assert covered == set(range(len(CLASSES)))
    assert not any("{" in sentence.text for sentence in one)


def test_grammar():
    assert mirror("eyes leftward, not right") == "eyes rightward, not left"
    assert [gerund(x) for x in ("smile", "nod", "look", "lie", "see")] == [
        "smiling", "nodding", "looking", "lying", "seeing"]  # fmt: skip
    assert [third_person(x) for x in ("smile", "push", "be", "cry", "say")] == [
        "smiles", "pushes", "is", "cries", "says"]  # fmt: skip


@pytest.mark.slow
def test_training_writes_a_head_that_learns(tmp_path, monkeypatch):
    from gaia_core.training import language as training

    sentences = [x for x in make_sentences() if CLASSES[x.actions[0]] in ("smile", "nod", NONE)]
    few = [x for x in sentences if len(x.actions) == 1][::20]
    monkeypatch.setattr(training, "make_sentences", lambda seed: few)
    monkeypatch.setattr(training, "STEPS", 60)
    facts = train_language(tmp_path)
    assert facts["sentences"] == len(few)
    learnt = Instructor.load(tmp_path)
    guesses = learnt.guess(["smile", "nod", "boil the pasta"])
    assert [guess.action for guess in guesses] == ["smile", "nod", NONE]
