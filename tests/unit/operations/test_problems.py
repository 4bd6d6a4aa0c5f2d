"""Generated problems: their minimum against exact rational arithmetic, and the program that measures optimisers."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Samples
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import loss_of
from service.core.several_outputs.generated import fit_on_samples
from service.operations.problems import generate, parse
from service.schemas.generated import GENERATED_EXAMPLE, GeneratedProblem
from service.schemas.minima import MinimaAnswer
from service.settings import Limits


def made(**changes: Any) -> GeneratedProblem:
    return generate(parse({**GENERATED_EXAMPLE, "weight_decay": 0.0, **changes}), Limits())


def arrays_of(problem: GeneratedProblem) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
    data: Any = problem.problem.data
    weights = problem.minimum.global_minimum.weights
    assert weights is not None
    return np.array(data.x), np.array(data.y), [np.array(weight) for weight in weights]


def exact_cost(x: FloatArray, y: FloatArray, weights: list[FloatArray]) -> Fraction:
    """Mean squared error without any rounding."""
    reached = np.vectorize(Fraction, otypes=[object])(x)
    for weight in weights:
        reached = reached @ np.vectorize(Fraction, otypes=[object])(weight).T
    residual = reached - np.vectorize(Fraction, otypes=[object])(y)
    total: Fraction = (residual * residual).sum()
    return total / len(x)


@pytest.mark.parametrize("conditioning", [1.0, 1e5, 1e10])
@pytest.mark.parametrize("hidden_widths", [[], [5], [5, 5]])
def test_a_minimum_near_zero_is_what_its_weights_cost(conditioning: float, hidden_widths: list[int]) -> None:
    problem = made(conditioning=conditioning, hidden_widths=hidden_widths)
    cost = float(exact_cost(*arrays_of(problem)))
    minimum = problem.minimum.global_minimum
    assert 0.0 < cost < 1e-9
    assert minimum.loss == pytest.approx(cost, rel=1e-10)
    assert minimum.terms.fit == minimum.loss
    certificate = problem.minimum.certificate
    assert certificate.upper_bound == minimum.loss
    assert 0.0 <= certificate.lower_bound <= certificate.upper_bound
    unit = max(minimum.loss, 1e-6 * float(np.mean(np.sum(arrays_of(problem)[1] ** 2, axis=1))))
    assert certificate.relative_gap == pytest.approx((minimum.loss - certificate.lower_bound) / unit, abs=1e-300)
    assert f"MINIMUM = {minimum.loss!r}\n" in problem.snippet
    assert isinstance(problem.minimum, MinimaAnswer)
    least = min(point.loss for point in problem.minimum.stationary_points if point.class_ == "global_minimum")
    assert least == minimum.loss


@pytest.mark.parametrize("seed", range(4))
def test_errors_of_any_size_are_evaluated_to_their_own_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.uniform(-6.0, 6.0, 3)
    first, second = rng.standard_normal((4, 3)) / scales, rng.standard_normal((2, 4))
    x = rng.standard_normal((7, 3)) * scales
    y = x @ (second @ first).T * (1.0 + 10.0 ** -rng.integers(0, 17))
    found = fit_on_samples(Samples(x, y), [first, second])
    assert found == pytest.approx(float(exact_cost(x, y, [first, second])), rel=1e-12)


@pytest.mark.parametrize("width", [1, 2_000])
def test_hidden_widths_at_their_limits_are_accepted(width: int) -> None:
    parameters = {"inputs": 1, "outputs": 1, "hidden_widths": [width], "singular_values": [1.0]}
    assert generate(parse({**GENERATED_EXAMPLE, **parameters}), Limits()).problem.network.layers[0].width == width


def test_small_decay_leaves_a_minimum_of_its_size() -> None:
    problem = made(weight_decay=1e-9, conditioning=1.0)
    x, y, weights = arrays_of(problem)
    decay = 1e-9 * sum(float(np.sum(weight**2)) for weight in weights)
    expected = float(exact_cost(x, y, weights)) + decay
    assert problem.minimum.global_minimum.loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_program_measures_the_same_objective(noise: float) -> None:
    problem = made(outputs=1, singular_values=[2.0], weight_decay=0.05, noise_variance=noise)
    x, y, weights = arrays_of(problem)
    layers = [Layer(width, weight_decay=0.05, noise_variance=noise) for width in (5, 5)]
    network = Network((*layers, Layer(1, weight_decay=0.05)))
    loss = _program_loss(problem)
    rng = np.random.default_rng(0)
    for scale in (0.0, 1e-3, 1.0):
        moved = [weight + scale * rng.standard_normal(weight.shape) for weight in weights]
        expected = float(loss_of(network, moments_of(x, y), DenseParameters.without_biases(moved)))
        assert loss(moved) == pytest.approx(expected, rel=1e-12)
    assert loss(weights) == pytest.approx(problem.minimum.global_minimum.loss, rel=1e-9)


@pytest.mark.parametrize("conditioning", [1.0, 1e5, 1e10])
def test_the_program_reaches_the_minimum_at_its_weights(conditioning: float) -> None:
    problem = made(conditioning=conditioning)
    reached = _program_loss(problem)(arrays_of(problem)[2])
    # up to the rounding of the predictions, squared: moments would cancel at 1e-15
    assert reached == pytest.approx(problem.minimum.global_minimum.loss, rel=1e-3, abs=1e-20)


def _program_loss(problem: GeneratedProblem) -> Any:
    """The objective of the program, run on arrays of numpy, whose names for these functions are the same."""
    lines = problem.snippet.split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("def loss"))
    end = next(index for index, line in enumerate(lines) if line.startswith("weights ="))
    names = next(line for line in lines if line.startswith("WIDTHS"))
    x, y, _ = arrays_of(problem)
    space: dict[str, Any] = {
        "torch": SimpleNamespace(diag=np.diag, trace=np.trace, zeros=lambda *shape: np.zeros(shape)),
        "X": x,
        "Y": y,
    }
    exec("\n".join([names, *lines[start:end]]), space)
    return space["loss"]
