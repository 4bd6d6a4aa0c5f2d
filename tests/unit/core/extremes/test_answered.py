"""Inputs of any size under decay: the bounds hold for the numbers as they were sent, in rational arithmetic."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.extremes.answered import ways
from service.core.extremes.charges import worth_of_absent
from service.core.extremes.free import FREE, free_inputs
from service.core.ground.data.conditioned import Moments, moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.operations.mapping.problem import Inputs, to_core
from service.operations.minima import minima, parse
from service.schemas.minima import MinimaAnswer
from service.settings import Limits
from service.vocabulary import Bias, Status
from tests.support.exact_numbers import of_samples
from tests.support.exact_truth import least_squares, objective

SIZES: dict[str, list[float]] = {
    "one beyond 1e300": [1e305, 1.0, 1.0],
    "two far beyond one": [1e24, 1.0, 1e28],
    "all beyond 1e300": [1e305, 1e304, 1e306],
    "infinite in float32": [1e39, 1.0, 1e45],
    "one below 1e-300": [1.0, 1e-305, 1.0],
    "everywhere": [1e305, 1e-305, 1.0],
    "at the edges": [1e30, 1e-30, 1.0],
}


def table(seed: int, outputs: int, n: int = 20) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) + rng.normal(size=3)
    return x, x @ rng.normal(size=(3, outputs)) + 0.3 * rng.normal(size=(n, outputs))


def body_of(x: FloatArray, y: FloatArray, depth: int, decay: float, bias: str, noise: float = 0.0) -> dict[str, Any]:
    layers: list[dict[str, Any]] = [
        {"width": width, "weight_decay": decay} for width in [3] * (depth - 1) + [y.shape[1]]
    ]
    if noise:
        layers[0]["noise"] = {"kind": "gaussian", "variance": noise}
    data = {"kind": "samples", "x": x.tolist(), "y": y.tolist()}
    request = {"network": {"layers": layers, "bias": bias}, "data": data}
    return {"problem": request, "return": {"weights": "full"}}


def answered(body: dict[str, Any]) -> MinimaAnswer:
    return minima(parse(body).request, Limits())


def exact_loss(found: MinimaAnswer, x: FloatArray, y: FloatArray, decay: float, noise: float, shake: float) -> Fraction:
    """Loss at the numbers as they were sent, without rounding, of the returned weights times ``1 + shake N(0, 1)``."""
    rng = np.random.default_rng(0)
    weights = [np.array(weight) for weight in found.global_minimum.weights or []]
    scale = np.array([column.scale for column in found.data.input_columns or []] or [1.0] * x.shape[1])
    sent = weights[0] / scale
    np.testing.assert_array_equal(sent * scale, weights[0])
    weights = [weight * (1.0 + shake * rng.normal(size=weight.shape)) for weight in [sent, *weights[1:]]]
    biases = [None if bias is None else np.array(bias) for bias in found.global_minimum.biases or [None] * len(weights)]
    variances = [noise] + [0.0] * (len(weights) - 2) if noise else []
    return objective(of_samples(x, y), weights, [decay] * len(weights), biases, variances)


@pytest.mark.parametrize("noise", [0.0, 0.25])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", SIZES)
def test_the_bounds_hold_for_the_numbers_that_were_sent(name: str, depth: int, outputs: int, noise: float) -> None:
    decay = 1e-3
    for seed, bias in enumerate(("none", "output")):
        if noise and (depth == 1 or bias == "output"):
            continue
        x, y = table(seed, outputs)
        x = x * SIZES[name]
        found = answered(body_of(x, y, depth, decay, bias, noise))
        certificate = found.certificate
        assert noise or found.status in (Status.EXACT, Status.CERTIFIED)
        assert 0.0 <= certificate.lower_bound <= certificate.upper_bound
        lower, upper = Fraction(certificate.lower_bound), Fraction(certificate.upper_bound)
        loss = exact_loss(found, x, y, decay, noise, 0.0)
        assert lower <= loss <= upper
        assert float(loss) == pytest.approx(found.global_minimum.loss, rel=1e-9)
        for shake in (1e-9, 1e-5, 1e-2):
            assert exact_loss(found, x, y, decay, noise, shake) >= lower
        if depth == 1:
            truth = least_squares(of_samples(x, y), intercept=bias == "output", penalty=decay).loss
            assert lower <= truth <= upper


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_loss_does_not_jump_where_weights_become_free(depth: int, outputs: int) -> None:
    """Below that size nothing is taken out; decay of the large input is then some 1e-18 of what it is at size one."""
    x, y = table(5, outputs)
    losses = [
        answered(body_of(x * [size, 1.0, 1.0], y, depth, 1e-3, "none")).global_minimum.loss
        for size in (0.9 * FREE**0.8, 2.0 * FREE, 1e25, 1e100, 1e300)
    ]
    assert losses == pytest.approx([losses[-1]] * len(losses), rel=1e-6)
    assert losses == sorted(losses, reverse=True) or max(losses) - min(losses) < 1e-6 * losses[0]


@pytest.mark.parametrize("width", [1, 2])
def test_a_bottleneck_leaves_no_false_bound(width: int) -> None:
    """Free inputs may need directions of the outputs that the widths have no lanes for."""
    x, y = table(6, 3)
    for sizes in ([1e305, 1.0, 1.0], [1e305, 1e300, 1.0], [1e20, 1e18, 1e20]):
        body = body_of(x * sizes, y, 3, 1e-3, "none")
        body["problem"]["network"]["layers"][1]["width"] = width
        found = answered(body)
        loss = exact_loss(found, x * sizes, y, 1e-3, 0.0, 0.0)
        assert Fraction(found.certificate.lower_bound) <= loss <= Fraction(found.certificate.upper_bound)
        assert found.global_minimum.rank <= width
        plain = body_of(x * np.minimum(sizes, 2.0**40), y, 3, 1e-3, "none")
        plain["problem"]["network"]["layers"][1]["width"] = width
        assert found.certificate.lower_bound <= answered(plain).certificate.upper_bound


@pytest.mark.parametrize("n", [1, 2, 3])
def test_dependent_large_inputs_prove_no_more_than_they_can(n: int) -> None:
    x, y = table(7, 2, n)
    for columns in (
        x,
        np.column_stack([x[:, 0], x[:, 0], x[:, 1]]),
        np.column_stack([x[:, 0], x[:, 0] * 2.0, x[:, 0]]),
    ):
        for depth in (1, 2, 3):
            for sizes in ([1e305, 1e305, 1.0], [1e305, 1e305, 1e305], [1e22, 1e22, 1.0]):
                sent = columns * sizes
                found = answered(body_of(sent, y, depth, 1e-3, "none"))
                lower = Fraction(found.certificate.lower_bound)
                assert lower <= exact_loss(found, sent, y, 1e-3, 0.0, 0.0) <= Fraction(found.certificate.upper_bound)
                if depth == 1 and found.certificate.norm_limit is None:
                    assert lower <= least_squares(of_samples(sent, y), penalty=1e-3).loss


def test_moments_and_samples_agree() -> None:
    x, y = table(8, 2)
    x = x * [1e22, 1.0, 1e18]
    for depth in (1, 2, 3):
        layers = tuple(Layer(width, weight_decay=1e-3) for width in [3] * (depth - 1) + [2])
        data = moments_of(x, y)
        seen = solve(Problem(Network(layers), data, Samples(x, y)))
        other = solve(Problem(Network(layers), Moments(data.xx, data.xy, data.yy, data.n, data.x_mean, data.y_mean)))
        assert other.solution.minimum.loss == pytest.approx(seen.solution.minimum.loss, rel=1e-6)
        assert other.certificate.lower_bound <= seen.certificate.upper_bound
        assert seen.certificate.lower_bound <= other.certificate.upper_bound


@pytest.mark.parametrize("sizes", [[1e10, 1.0, 1e14], [1e20, 1.0, 1e20], [1e-25, 1e-28, 1.0], [1e29, 1e-29, 1.0]])
def test_without_decay_units_of_inputs_cost_nothing(sizes: list[float]) -> None:
    x, y = table(9, 2)
    for depth in (1, 2, 3):
        for bias in ("none", "output"):
            found = answered(body_of(x * sizes, y, depth, 0.0, bias))
            plain = answered(body_of(x, y, depth, 0.0, bias))
            assert found.status is Status.EXACT
            assert found.global_minimum.loss == pytest.approx(plain.global_minimum.loss, rel=1e-12)
            expected = np.array(plain.global_minimum.end_to_end_map) / sizes
            np.testing.assert_allclose(np.array(found.global_minimum.end_to_end_map), expected, rtol=1e-9)


def problems() -> Iterator[Problem]:
    for sizes in SIZES.values():
        for depth in (2, 3):
            x, y = table(10, 2)
            body = parse(body_of(x * sizes, y, depth, 1e-3, "none"))
            yield to_core(body.request.problem, Limits(), inputs=Inputs.ANY).core


def test_free_inputs_are_explained_by_least_squares() -> None:
    """With a map of the other inputs given, no weights of free inputs explain more."""
    rng = np.random.default_rng(11)
    seen = 0
    for problem in problems():
        found = free_inputs(problem)
        if found is None:
            continue
        seen += 1
        given = np.where(found.free, 0.0, rng.normal(size=(2, 3)))
        best = found.whole_map(given)
        error = problem.data.error(best)
        assert error == pytest.approx(found.rest.data.error(given), rel=1e-9)
        for _ in range(5):
            moved = np.where(found.free, best * (1.0 + 0.1 * rng.normal(size=best.shape)), best)
            assert problem.data.error(moved) >= error * (1.0 - 1e-12)
    assert seen >= 8


def test_ordinary_problems_are_answered_as_they_are() -> None:
    x, y = table(12, 2)
    for decay in (0.0, 1e-3):
        for bias in (Bias.NONE, Bias.OUTPUT):
            layers = tuple(Layer(width, weight_decay=decay) for width in (3, 3, 2))
            problem = Problem(Network(layers, bias=bias), moments_of(x * [1e3, 1.0, 1e-2], y))
            assert not list(ways(problem))
            assert not list(ways(replace(problem, moments=None)))


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("decay", [1e-66, 1e-62, 1e-58, 1e-25])
def test_what_an_absent_input_would_explain_is_owed(decay: float, outputs: int) -> None:
    """Beside so little decay a small input is worth something, and the bound knows."""
    x, y = table(13, outputs)
    x = x * [1e-31, 1.0, 1.0]
    found = answered(body_of(x, y, 1, decay, "none"))
    truth = least_squares(of_samples(x, y), penalty=decay).loss
    assert Fraction(found.certificate.lower_bound) <= truth <= Fraction(found.certificate.upper_bound)
    assert (decay > 1e-56) == (found.status is not Status.BOUNDED)
    core = to_core(parse(body_of(x, y, 1, decay, "none")).request.problem, Limits(), inputs=Inputs.ANY).core
    assert core.extremes is not None
    gained = least_squares(of_samples(x * [0.0, 1.0, 1.0], y), penalty=decay).loss - truth
    assert 0.0 < gained <= worth_of_absent(core, core.extremes)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("decay", [1e40, 1e57, 1e61])
def test_what_lowered_inputs_would_save_is_owed(decay: float, outputs: int) -> None:
    """Beside so much decay weights of large inputs are not free in the units of the computation."""
    x, y = table(14, outputs)
    x = x * [1e305, 1e300, 1e303]
    found = answered(body_of(x, y, 1, decay, "none"))
    truth = least_squares(of_samples(x, y), penalty=decay).loss
    assert Fraction(found.certificate.lower_bound) <= truth <= Fraction(found.certificate.upper_bound)
