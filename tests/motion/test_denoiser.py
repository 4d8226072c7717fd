"""The denoiser's conditioning, losses and sampling with given entries."""

import pytest
import torch

from gaia_core.config import DenoiserConfig, MotionConfig, MotionCorrections
from gaia_core.layers import Attention, rotate
from gaia_core.motion.conformer import ConformerBlock, Convolution
from gaia_core.motion.denoiser import Denoiser
from gaia_core.motion.lips import predicted_lips, regression_with_residual
from gaia_core.motion.performer import sample

B, T, F = 3, 20, 12


@pytest.fixture(scope="module")
def denoiser(make_denoiser):
    model = make_denoiser(F)
    model.spread.copy_(torch.linspace(0.5, 2, model.config.motion))
    generator = torch.Generator().manual_seed(2)
    model.rest_weight.copy_(torch.randn(model.rest_weight.shape, generator=generator) / 4)
    model.rest_bias.copy_(torch.randn(model.rest_bias.shape, generator=generator))
    return model.requires_grad_(False)


@pytest.fixture
def given_inputs(denoiser) -> dict[str, torch.Tensor]:
    """Arguments of `forward`: nothing given, all items with speech."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    width = denoiser.config.motion
    return {
        "x_t": normal(B, T, width),
        "t": torch.tensor([0.1, 0.5, 0.9]),
        "speech": normal(B, T, F),
        "reference": normal(B, width),
        "given": torch.zeros(B, T, width),
        "has_speech": torch.ones(B, dtype=torch.bool),
    }


def changed(denoiser, inputs, **changes) -> torch.Tensor:
    """How much each item's output moves with the changes: (B,)."""
    difference = denoiser(**{**inputs, **changes}) - denoiser(**inputs)
    return difference.abs().amax((1, 2))


# Conditioning


def test_only_items_with_speech_depend_on_it(denoiser, given_inputs):
    given_inputs["has_speech"] = torch.tensor([True, False, True])
    moved = changed(denoiser, given_inputs, speech=given_inputs["speech"].flip(1))
    assert moved[0] > 1e-3 and moved[2] > 1e-3
    assert moved[1] == 0


def test_no_speech_differs_from_zero_features(denoiser, given_inputs):
    given_inputs["speech"] = torch.zeros(B, T, F)
    moved = changed(denoiser, given_inputs, has_speech=torch.zeros(B, dtype=torch.bool))
    assert (moved > 1e-3).all()


@pytest.mark.parametrize("name", ["x_t", "t", "reference", "given"])
def test_inputs_affect_only_their_own_item(denoiser, given_inputs, name):
    other = given_inputs[name].clone()
    other[1] = other[1] + 0.5
    moved = changed(denoiser, given_inputs, **{name: other})
    assert moved[1] > 1e-3
    assert moved[0] < 1e-5 and moved[2] < 1e-5


def test_each_group_of_the_reference_matters(denoiser, given_inputs):
    for where in denoiser.groups.values():
        other = given_inputs["reference"].clone()
        other[:, where] += 1
        assert (changed(denoiser, given_inputs, reference=other) > 1e-4).all()


def test_any_number_of_frames(denoiser, given_inputs):
    for frames in (1, 2, 7, 33):
        inputs = dict(given_inputs)
        for name in ("x_t", "speech", "given"):
            inputs[name] = torch.zeros(B, frames, given_inputs[name].shape[-1])
        assert denoiser(**inputs).shape == (B, frames, denoiser.config.motion)


def test_an_untrained_denoiser_predicts_rest():
    torch.manual_seed(0)
    config = DenoiserConfig(speech=F, components=8, width=16, layers=2, heads=2, kernel=3)
    model = Denoiser(config, MotionConfig()).eval()
    width = config.motion
    output = model(
        torch.randn(2, T, width),
        torch.rand(2),
        torch.randn(2, T, F),
        torch.randn(2, width),
        torch.zeros(2, T, width),
        torch.tensor([True, False]),
    )
    assert not output.any()


# Regression on speech


def test_the_regression_uses_neighbouring_frames(denoiser, given_inputs):
    speech = given_inputs["speech"]
    later = speech.clone()
    later[:, 10] += 1
    moved = (denoiser.regress(later) - denoiser.regress(speech)).abs().amax((0, 2))
    assert moved.nonzero()[:, 0].tolist() == [9, 10, 11]
    still = denoiser.regress(speech[:, :1].expand(-1, T, -1))  # replicated padding
    torch.testing.assert_close(still, still[:, :1].expand(-1, T, -1))


# Relative and absolute motion


def test_relative_and_absolute_are_inverse(denoiser, given_inputs):
    motion, reference = given_inputs["x_t"], given_inputs["reference"]
    relative = denoiser.relative(motion, reference)
    torch.testing.assert_close(denoiser.absolute(relative, reference), motion)
    rest = denoiser.rest(reference)[:, None]
    assert not denoiser.relative(rest, reference).any()
    by_one_spread = denoiser.relative(rest + denoiser.spread, reference)
    torch.testing.assert_close(by_one_spread, torch.ones_like(by_one_spread))


# Guidance


def test_guidance_one_is_the_conditional_prediction(denoiser, given_inputs):
    inputs = {k: v for k, v in given_inputs.items() if k != "has_speech"}
    yes = torch.ones(B, dtype=torch.bool)
    conditional = denoiser(**inputs, has_speech=yes)
    unconditional = denoiser(**inputs, has_speech=~yes)
    torch.testing.assert_close(denoiser.guided(**inputs, guidance=1), conditional)
    torch.testing.assert_close(denoiser.guided(**inputs, guidance=1 + 1e-6), conditional)
    torch.testing.assert_close(denoiser.guided(**inputs, guidance=0), unconditional)
    torch.testing.assert_close(
        denoiser.guided(**inputs, guidance=3), unconditional + 3 * (conditional - unconditional)
    )
    assert (conditional - unconditional).abs().max() > 1e-3


# Losses


class Oracle(Denoiser):
    """Returns the clean motion plus `offset`, and records its inputs."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.inputs, self.clean, self.offset = [], torch.zeros(()), torch.zeros(())

    def forward(self, x_t, t, speech, reference, given, has_speech):
        self.inputs.append((x_t, t))
        clean = self.clean + self.offset
        return clean.repeat(len(x_t) // len(clean), 1, 1)  # guidance doubles the batch


@pytest.fixture
def oracle(make_denoiser, given_inputs):
    model = make_denoiser(F, Oracle)
    model.clean = given_inputs["x_t"]
    return model


def batch_of(denoiser, inputs, given):
    return {
        "motion": denoiser.absolute(inputs["x_t"], inputs["reference"]),
        "speech": inputs["speech"],
        "reference": inputs["reference"],
        "given": given,
        "has_speech": inputs["has_speech"],
    }


def some_given() -> torch.Tensor:
    given = torch.zeros(B, T, MotionConfig(4, 3, 6, 3).width)
    given[0, :5] = 1
    given[1, :, 6:10] = 1
    return given


def test_the_true_motion_has_no_loss(oracle, given_inputs):
    losses = oracle.losses(**batch_of(oracle, given_inputs, some_given()))
    assert losses["loss"] < 1e-9


def test_given_entries_have_no_loss(oracle, given_inputs):
    given = some_given()
    oracle.offset = given
    batch = batch_of(oracle, given_inputs, given)
    losses = oracle.losses(**batch)
    assert losses["clean"] < 1e-9
    oracle.offset = 2 * (1 - given)
    assert oracle.losses(**batch)["clean"] == pytest.approx(4, rel=1e-4)


def test_the_velocity_loss(oracle, given_inputs):
    batch = batch_of(oracle, given_inputs, torch.zeros_like(given_inputs["given"]))
    oracle.offset = torch.tensor(0.5)
    losses = oracle.losses(**batch)
    assert losses["velocity"] < 1e-9 and losses["clean"] == pytest.approx(0.25, rel=1e-4)
    oracle.offset = 0.5 * torch.arange(T)[:, None]
    assert oracle.losses(**batch)["velocity"] == pytest.approx(0.25, rel=1e-4)


def test_in_training_given_entries_are_clean_and_others_noised(oracle, given_inputs):
    given = some_given()
    torch.manual_seed(0)
    oracle.losses(**batch_of(oracle, given_inputs, given))
    ((x_t, t),) = oracle.inputs
    mask = given.bool()
    torch.testing.assert_close(x_t[mask], given_inputs["x_t"][mask], atol=1e-5, rtol=1e-5)
    assert (x_t[~mask] != given_inputs["x_t"][~mask]).float().mean() > 0.99
    assert len(set(t.tolist())) == B


def test_gradient_reaches_every_parameter(make_denoiser, given_inputs):
    model = make_denoiser(F).train()
    given_inputs["has_speech"] = torch.tensor([True, False, True])
    torch.manual_seed(0)
    model.losses(**batch_of(model, given_inputs, some_given()))["loss"].backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]


# Generation with given entries


def generated(denoiser, inputs, known: torch.Tensor, seed: int = 0, **changes):
    settings = {"steps": 4, "guidance": 1.5, "speech": inputs["speech"]} | changes
    given = torch.full(inputs["x_t"].shape, torch.nan)
    given[:, : known.shape[1]] = known
    return sample(
        denoiser,
        inputs["reference"],
        settings["speech"],
        torch.randn(inputs["x_t"].shape, generator=torch.Generator().manual_seed(seed)),
        given,
        settings["steps"],
        settings["guidance"],
    )


def test_lips_are_a_regression_with_a_residual(denoiser, given_inputs):
    sampled = generated(denoiser, given_inputs, torch.empty(B, 0, denoiser.config.motion))
    lips, reference = denoiser.groups["mouth"], given_inputs["reference"]
    constants = MotionCorrections(regression_share=0.25, regression_gain=2.0)
    predicted = predicted_lips(denoiser, given_inputs["speech"], reference, constants)
    expected = denoiser.regress(given_inputs["speech"])
    torch.testing.assert_close(
        denoiser.relative(predicted, reference), 2 * expected, atol=1e-4, rtol=1e-4
    )
    mixed = regression_with_residual(sampled, predicted, lips, constants)
    torch.testing.assert_close(
        mixed[..., lips], (0.75 * sampled + 0.25 * predicted)[..., lips], atol=1e-4, rtol=1e-4
    )
    others = torch.ones(denoiser.config.motion, dtype=torch.bool)
    others[lips] = False
    assert torch.equal(mixed[..., others], sampled[..., others])


def test_known_frames_are_kept_and_condition_the_rest(denoiser, given_inputs):
    width = denoiser.config.motion
    known = torch.randn(B, 6, width, generator=torch.Generator().manual_seed(5))
    motion = generated(denoiser, given_inputs, known)
    assert motion.shape == (B, T, width)
    torch.testing.assert_close(motion[:, :6], known, atol=1e-5, rtol=1e-5)
    other = generated(denoiser, given_inputs, -known)
    assert (motion - other)[:, 6:].abs().max() > 1e-3


def test_known_frames_are_clean_at_every_step(oracle, given_inputs):
    known = given_inputs["x_t"][:, :6] / 2
    clean = oracle.relative(known, given_inputs["reference"])
    generated(oracle, given_inputs, known)
    assert len(oracle.inputs) == 4  # steps
    for x_t, _ in oracle.inputs:
        for half in x_t.chunk(2):  # with and without speech
            torch.testing.assert_close(half[:, :6], clean)


def test_fully_given_motion_is_returned(denoiser, given_inputs):
    known = given_inputs["x_t"]
    torch.testing.assert_close(
        generated(denoiser, given_inputs, known), known, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_same_noise_gives_the_same_motion(denoiser, given_inputs, steps):
    known = torch.zeros(B, 0, denoiser.config.motion)
    one, again, other = (
        generated(denoiser, given_inputs, known, seed, steps=steps) for seed in (0, 0, 1)
    )
    assert one.isfinite().all()
    assert torch.equal(one, again) and not torch.allclose(one, other)


def test_guidance_zero_ignores_speech(denoiser, given_inputs):
    known = torch.zeros(B, 0, denoiser.config.motion)
    flipped = given_inputs["speech"].flip(1)
    for guidance, ignored in ((0.0, True), (1.0, False), (1.5, False)):
        one, other = (
            generated(denoiser, given_inputs, known, guidance=guidance, speech=speech)
            for speech in (given_inputs["speech"], flipped)
        )
        assert torch.allclose(one, other, atol=1e-5) == ignored


# Conformer


def test_attention_is_that_of_the_textbook():
    torch.manual_seed(0)
    attention = Attention(8, 2, 0.0).eval()
    x, tokens = torch.randn(1, 5, 8), torch.randn(1, 3, 8)
    key, value = attention.key_value(tokens).chunk(2, -1)
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        weight = attention.query(x)[..., head] @ key[..., head].transpose(1, 2) / 4**0.5
        heads.append(weight.softmax(-1) @ value[..., head])
    torch.testing.assert_close(attention(x, tokens), attention.out(torch.cat(heads, -1)))


def test_rotary_scores_depend_on_distance_only():
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 8, generator=generator)
    positions = 12
    queries, keys = (rotate(v.expand(1, 1, positions, 8))[0, 0] for v in (query, key))
    scores = queries @ keys.T
    for distance in (0, 1, 5):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert (scores.diagonal(1)[0] - scores.diagonal(5)[0]).abs() > 1e-3
    torch.testing.assert_close(queries.norm(dim=-1), query.norm().expand(positions))


def test_self_attention_depends_on_the_order_of_frames():
    torch.manual_seed(0)
    attention = Attention(8, 2, 0.0).eval()
    x = torch.randn(1, 6, 8)
    assert not torch.allclose(attention(x.flip(1)).flip(1), attention(x), atol=1e-4)


def test_the_convolutions_receptive_field_is_its_kernel():
    torch.manual_seed(0)
    convolution = Convolution(8, 5)
    x = torch.randn(1, 20, 8)
    other = x.clone()
    other[:, 10] += 1
    moved = (convolution(other) - convolution(x)).abs().amax((0, 2)) > 1e-6
    assert moved.nonzero()[:, 0].tolist() == [8, 9, 10, 11, 12]


def test_a_new_block_only_adds_speech():
    torch.manual_seed(0)
    block = ConformerBlock(8, 2, 3, 0.0).eval()
    x, speech = torch.randn(2, 2, 6, 8)
    output = block(x, speech, torch.randn(2, 3, 8), torch.randn(2, 8))
    torch.testing.assert_close(output, x + block.speech(speech))
