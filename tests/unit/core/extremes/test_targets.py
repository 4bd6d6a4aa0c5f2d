"""Targets in powers of two: the same problem, answered, checked and diagnosed in the units that were sent."""

from typing import Any

import numpy as np
import pytest

from service.core.extremes.reported import minimum_with
from service.core.extremes.targets import GREATEST_DECAY, LEAST_DECAY, ORDINARY, scaled_targets
from service.core.ground.data.conditioned import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.ground.results import GlobalMinimum, Terms
from service.errors import InputError
from service.operations.diagnose import diagnose
from service.operations.landscape import landscape
from service.operations.minima import minima, parse
from service.operations.ranks import ranks
from service.operations.verify import verify
from service.schemas.diagnose import DiagnoseAnswer, DiagnoseRequest
from service.schemas.landscape import LandscapeRequest
from service.schemas.minima import MinimaAnswer
from service.schemas.ranks import RanksRequest
from service.settings import Limits
from service.vocabulary import Activation, Bias, SkipKind, Status

LIMITS = Limits()
RNG = np.random.default_rng(0)
X = RNG.normal(size=(15, 2)) + 0.5
Y = X @ RNG.normal(size=(2, 2)) + 0.3 * RNG.normal(size=(15, 2))


def body_of(y: FloatArray, layers: int, decay: float, bias: str = "none", **more: Any) -> dict[str, Any]:
    widths = [2] * (layers - 1) + [y.shape[1]]
    network = {"layers": [{"width": width, "weight_decay": decay} for width in widths], "bias": bias}
    return {"problem": {"network": network, "data": {"kind": "samples", "x": X.tolist(), "y": y.tolist()}}, **more}


def answer(y: FloatArray, layers: int, decay: float, bias: str = "none") -> MinimaAnswer:
    return minima(
        parse(body_of(y, layers, decay, bias, **{"return": {"weights": "full", "problem": True}})).request, LIMITS
    )


def along(decay: float, power: int, layers: int) -> float:
    """The decay that goes with targets times ``2^power``, a multiple of the layers."""
    return float(np.ldexp(decay, 2 * power - 2 * power // layers))


def core_of(network: Network, power: int) -> Problem:
    y = np.ldexp(Y, power)
    return Problem(network, moments_of(X, y), Samples(X, y))


SKIP = Skip(1, 3, SkipKind.TRAINABLE, 0.2)
NETWORKS: dict[str, Network] = {
    "one layer": Network((Layer(2, weight_decay=0.1),)),
    "three unequal layers": Network(tuple(Layer(2, weight_decay=decay) for decay in (0.3, 1e-9, 2.0))),
    "biases with decay": Network(
        tuple(Layer(2, weight_decay=0.1) for _ in range(3)), bias=Bias.ALL, bias_weight_decays=(0.1, 0.2, 0.0)
    ),
    "a frozen layer": Network((Layer(2, weight_decay=0.1), Layer(2, frozen_weights=np.eye(2)), Layer(2))),
    "an identity": Network((Layer(2), Layer(2), Layer(2)), skips=(Skip(1, 2, SkipKind.IDENTITY),)),
    "a trained skip": Network(tuple(Layer(2, weight_decay=0.1) for _ in range(3)), skips=(SKIP,)),
    "half-linear": Network((Layer(2, Activation.RELU), Layer(2, weight_decay=0.5))),
}


def loss(
    problem: Problem, weights: list[FloatArray], biases: list[FloatArray | None], skips: list[FloatArray | None]
) -> float:
    """The objective, spelled out."""
    network = problem.network
    assert problem.samples is not None
    values = [problem.samples.x]
    total = 0.0
    for index, (layer, weight, bias) in enumerate(zip(network.layers, weights, biases, strict=True)):
        out = values[-1] @ weight.T + (0.0 if bias is None else bias)
        for skip, own in zip(network.skips, skips, strict=True):
            if skip.target == index + 1:
                out = out + values[skip.source] @ (np.eye(2) if own is None else own.T)
        values.append(np.maximum(out, 0.0) if layer.activation is Activation.RELU else out)
        total += layer.weight_decay * float(np.sum(weight**2))
        total += 0.0 if bias is None else network.bias_weight_decays[index] * float(np.sum(bias**2))
    total += sum(
        skip.weight_decay * float(np.sum(own**2))
        for skip, own in zip(network.skips, skips, strict=True)
        if own is not None
    )
    return total + float(np.mean(np.sum((values[-1] - problem.samples.y) ** 2, axis=1)))


@pytest.mark.parametrize("power", [-130, 300])
@pytest.mark.parametrize("name", NETWORKS)
def test_both_problems_are_the_same(name: str, power: int) -> None:
    """At any weights the loss inside, times the square of the power, is that of the weights times theirs."""
    network = NETWORKS[name]
    problem = core_of(network, power)
    scaled = scaled_targets(problem)
    assert scaled is not None
    exponents = scaled.exponents
    assert sum(exponents.layers) == exponents.targets
    assert abs(exponents.targets - power) <= network.n_layers + 2
    rng = np.random.default_rng(1)
    weights = [
        rng.normal(size=(2, 2)) if layer.frozen_weights is None else layer.frozen_weights for layer in network.layers
    ]
    biases = [rng.normal(size=2) if network.bias is Bias.ALL else None for _ in weights]
    skips = [None if skip.kind is SkipKind.IDENTITY else rng.normal(size=(2, 2)) for skip in network.skips]
    sent = [np.ldexp(weight, each) for weight, each in zip(weights, exponents.layers, strict=True)]
    moved = [
        None if bias is None else np.ldexp(bias, exponents.reached(index + 1)) for index, bias in enumerate(biases)
    ]
    over = [
        None if own is None else np.ldexp(own, exponents.reached(skip.target) - exponents.reached(skip.source))
        for skip, own in zip(network.skips, skips, strict=True)
    ]
    inside = loss(scaled.inside, weights, biases, skips)
    assert loss(problem, sent, moved, over) == pytest.approx(np.ldexp(inside, exponents.losses), rel=1e-13)


def test_what_has_no_other_unit_is_left_as_it_is() -> None:
    closed = Network((Layer(2), Layer(2)), skips=(Skip(0, 2, SkipKind.IDENTITY),))
    bent = Network((Layer(2, Activation.TANH), Layer(2)))
    for network, power in ((closed, 300), (bent, 300), (NETWORKS["one layer"], ORDINARY - 5)):
        assert scaled_targets(core_of(network, power)) is None
    zero = Problem(NETWORKS["one layer"], moments_of(X, 0.0 * Y))
    assert scaled_targets(zero) is None


@pytest.mark.parametrize("decay", [1e-300, 1e-12, 1.0])
@pytest.mark.parametrize("power", [-990, -700, -200, 200, 505])
@pytest.mark.parametrize("layers", [2, 3, 10])
def test_decays_keep_their_digits(layers: int, power: int, decay: float) -> None:
    scaled = scaled_targets(core_of(Network(tuple(Layer(2, weight_decay=decay) for _ in range(layers))), power))
    if scaled is None:
        return
    own = scaled.inside.network.weight_decays[0]
    assert 2.0**LEAST_DECAY / 4.0 <= own <= 2.0**GREATEST_DECAY
    back = float(np.ldexp(own, scaled.exponents.losses - 2 * scaled.exponents.layers[0] + scaled.exponents.cut))
    assert back == decay


@pytest.mark.parametrize("bias", ["none", "output"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("power", [-450, 504])
def test_answers_are_those_of_ordinary_targets(power: int, outputs: int, layers: int, bias: str) -> None:
    power -= power % layers
    for decay in (0.0, 0.01):
        plain = answer(Y[:, :outputs], layers, decay, bias)
        found = answer(np.ldexp(Y[:, :outputs], power), layers, along(decay, power, layers), bias)
        assert found.status == plain.status != Status.BOUNDED
        assert np.ldexp(found.global_minimum.loss, -2 * power) == pytest.approx(plain.global_minimum.loss, rel=1e-9)
        scale, expected = found.thresholds.critical_decay_scale, plain.thresholds.critical_decay_scale
        assert scale is expected is None or scale == pytest.approx(expected, rel=1e-6)
        assert found.origin.class_ == plain.origin.class_
        if plain.origin.escape_norm is not None:
            assert found.origin.escape_norm is not None
            told = np.ldexp(found.origin.escape_norm, -power // layers)
            assert told == pytest.approx(plain.origin.escape_norm, rel=1e-6)
        checked = verify(found, LIMITS)
        assert checked.agrees, [check for check in checked.checks if not check.agrees]


@pytest.mark.parametrize("power", [-450, 480])
def test_an_altered_answer_is_noticed(power: int) -> None:
    found = answer(np.ldexp(Y, power), 2, along(0.01, power, 2))
    document = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    document["global_minimum"]["weights"][0][0][0] *= 1.0 + 1e-6
    assert not verify(MinimaAnswer.model_validate(document), LIMITS).agrees
    document = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    document["certificate"]["lower_bound"] = document["certificate"]["upper_bound"] * (1.0 + 1e-6)
    assert not verify(MinimaAnswer.model_validate(document), LIMITS).agrees


def diagnosed(power: int, bias: str, shake: float) -> DiagnoseAnswer:
    found = answer(Y, 2, 0.01, bias)
    rng = np.random.default_rng(2)
    weights = [np.array(each) for each in found.global_minimum.weights or []]
    weights = [np.ldexp(each * (1.0 + shake * rng.normal(size=each.shape)), power // 2) for each in weights]
    more: dict[str, Any] = {"weights": [each.tolist() for each in weights]}
    if bias == "output":
        told = found.global_minimum.biases
        assert told is not None
        more["biases"] = [None, np.ldexp(np.array(told[-1]) * (1.0 + shake), power).tolist()]
    if bias == "none":
        more["include"] = ["spectrum"]
    body = body_of(np.ldexp(Y, power), 2, along(0.01, power, 2), bias, **more)
    return diagnose(DiagnoseRequest.model_validate(body), LIMITS)


@pytest.mark.parametrize("shake", [0.0, 1e-3])
@pytest.mark.parametrize("bias", ["none", "output"])
def test_points_are_described_in_the_units_that_were_sent(bias: str, shake: float) -> None:
    """Signs of curvature and the class are those beside ordinary targets, numbers those of the units that were sent."""
    plain, found = diagnosed(0, bias, shake), diagnosed(104, bias, shake)
    assert found.class_ == plain.class_
    assert found.inertia == plain.inertia
    assert np.ldexp(found.loss, -208) == pytest.approx(plain.loss, rel=1e-12)
    if bias == "output":
        assert found.least_hessian_eigenvalue is None
        assert "unit" in found.reasons["least_hessian_eigenvalue"]
    else:
        assert found.spectrum is not None
        assert plain.spectrum is not None
        expected = np.ldexp(plain.spectrum.values, 104)
        np.testing.assert_allclose(found.spectrum.values, expected, atol=1e-9 * float(np.abs(expected).max()))
    if shake:
        if bias == "none":
            assert np.ldexp(found.gradient_norm, -156) == pytest.approx(plain.gradient_norm, rel=1e-6)
        assert found.escape is not None
        assert plain.escape is not None
        assert np.ldexp(found.escape.decrease, -208) == pytest.approx(plain.escape.decrease, rel=1e-6)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_losses_below_double_precision_are_no_zeros(layers: int) -> None:
    for decay in (0.0, 1e-3):
        found = answer(Y * 1e-300, layers, decay)
        assert found.status is Status.BOUNDED
        assert found.certificate.lower_bound == 0.0 < found.certificate.upper_bound < 1e-320
        assert found.certificate.relative_gap == 1.0
        assert "larger units" in (found.numerics.advice or "")
        assert found.global_minimum.rank == (0 if decay and layers > 1 else 2)
        assert verify(found, LIMITS).agrees
        body = body_of(Y * 1e-300, layers, decay)
        facts = landscape(LandscapeRequest.model_validate(body), LIMITS).facts
        assert (facts.rank_xy, facts.rank_y) == (2, 2)
        body |= {"training": {"dynamics": "global_minimum"}}
        assert ranks(RanksRequest.model_validate(body), LIMITS).end_to_end.rank in (None, found.global_minimum.rank)


def test_decays_beyond_double_precision_leave_zero() -> None:
    """Zero is proved to be the minimum with decays cut to what can be computed with; noise is not spoken of."""
    found = answer(Y[:, :1] * 1e-300, 3, 1e-3)
    assert found.global_minimum.trivial
    assert found.origin.class_ == "global_minimum"
    assert found.thresholds.critical_decay_scale is None
    assert "double precision" in found.thresholds.reasons["critical_noise_variance"]


def test_conventions_that_add_name_a_smaller_magnitude() -> None:
    body = body_of(RNG.choice([-6e153, 6e153], size=Y.shape), 2, 0.0)
    body["problem"]["objective"] = {"convention": "sum"}
    with pytest.raises(InputError, match=r"leave double precision: up to \d") as caught:
        minima(parse(body).request, LIMITS)
    assert caught.value.fields[0].location == ("data", "y")


def test_there_and_back_is_the_same() -> None:
    scaled = scaled_targets(core_of(NETWORKS["three unequal layers"], 300))
    assert scaled is not None
    minimum = GlobalMinimum(1.0, Terms(0.5, 0.25, 0.25), False, True, 1, Y[:2], Y[0], Y[0], None, 0.5, "")
    told = minimum_with(minimum, scaled.problem.network, scaled.exponents)
    assert told.loss == 4.0**scaled.exponents.targets
    again = minimum_with(told, scaled.problem.network, -scaled.exponents)
    np.testing.assert_array_equal(again.end_to_end_map, minimum.end_to_end_map)
    assert again.terms == minimum.terms
