"""Rows of a slice against the plain loss at each of their points, to the rounding of double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples, shapes_of
from service.core.pictures import logistic
from service.core.pictures.objective import objective_of
from service.core.pictures.rows import rows_of
from service.vocabulary import Activation, Bias, Loss

LOSSES = (Loss.SQUARED, Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY)
# tanh as often as all others together: its forms are many
KINDS = st.one_of(st.just(Activation.TANH), st.sampled_from(Activation))


def posed(hidden: list[tuple[Activation, int]], loss: Loss, bias: Bias, n: int, scale: float, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    outputs = 3 if loss is Loss.CROSS_ENTROPY else 1
    x, y = scale * rng.normal(size=(n, 3)), scale * rng.normal(size=(n, outputs))
    if loss is Loss.CROSS_ENTROPY:
        y = np.eye(outputs)[rng.integers(0, outputs, n)]
    elif loss is not Loss.SQUARED:
        y = np.sign(y)
    layers = [
        Layer(width, kind, rng.uniform(-1.0, 2.0) if kind is Activation.LEAKY_RELU else None) for kind, width in hidden
    ]
    return Problem(Network((*layers, Layer(outputs)), bias=bias), moments_of(x, y), Samples(x, y), loss)


def ends_of(problem: Problem, sizes: list[float], seed: int) -> tuple[FloatArray, FloatArray]:
    """A point and a direction whose weights have a size for each layer."""
    rng = np.random.default_rng(seed)
    shapes = shapes_of(problem.network, problem.data.inputs)
    biased = [index for index in range(len(shapes)) if problem.network.has_bias(index)]
    scales = np.concatenate(
        [np.full(rows * columns, size) for (rows, columns), size in zip(shapes, sizes, strict=False)]
        + [np.full(shapes[index][0], sizes[index]) for index in biased]
    )
    base, along = scales * rng.normal(size=(2, scales.size))
    return base, along


def worst(problem: Problem, base: FloatArray, along: FloatArray, positions: FloatArray, every: int = 1) -> float:
    """Largest relative error of the rows; where the loss is an exponential its exponent's."""
    objective = objective_of(problem)
    with np.errstate(all="ignore"):
        plain = np.array([objective.slope(base + position * along)[0] for position in positions[::every]])
    found = rows_of(problem, along, positions).losses(base)[::every]
    told = np.isfinite(plain) & (plain > 0.0)
    exponents = np.maximum(np.abs(np.log(plain[told])), 1.0) if problem.loss is Loss.EXPONENTIAL else 1.0
    return float(np.max(np.abs(found / np.where(told, plain, 1.0) - 1.0)[told] / exponents, initial=0.0))


@settings(deadline=None, max_examples=150)
@given(
    hidden=st.lists(st.tuples(KINDS, st.integers(1, 6)), max_size=3),
    loss=st.sampled_from(LOSSES),
    bias=st.sampled_from(Bias),
    n=st.integers(1, 30),
    points=st.integers(1, 12),
    scale=st.sampled_from([1e-6, 1e-2, 1.0, 10.0]),
    sizes=st.lists(st.sampled_from([0.0, 1e-6, 1e-2, 0.3, 1.0, 4.0]), min_size=4, max_size=4),
    seed=st.integers(0, 2**31),
)
def test_rows_are_the_plain_losses(
    hidden: list[tuple[Activation, int]],
    loss: Loss,
    bias: Bias,
    n: int,
    points: int,
    scale: float,
    sizes: list[float],
    seed: int,
) -> None:
    problem = posed(hidden, loss, bias, n, scale, seed)
    assert worst(problem, *ends_of(problem, sizes, seed), np.linspace(-1.5, 1.5, points)) <= 1e-12


@pytest.mark.parametrize(
    ("widths", "n", "points"),
    [((40, 30, 20), 333, 401), ((2100,), 70, 30)],
    ids=["blocks and stretches", "one point at a time"],
)
def test_rows_in_many_pieces_are_the_plain_losses(widths: tuple[int, ...], n: int, points: int) -> None:
    problem = posed([(Activation.TANH, width) for width in widths], Loss.SQUARED, Bias.ALL, n, 1.0, 0)
    ends = ends_of(problem, [0.6, *(width**-0.5 for width in widths)], 0)
    assert worst(problem, *ends, np.linspace(-1.0, 1.0, points), 10) <= 1e-12


@pytest.mark.parametrize("sizes", [(1e-7, 1e5, 1e2), (1.0, 1e-7, 1e7)], ids=["first layer", "second layer"])
def test_small_outputs_of_tanh_keep_their_digits(sizes: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    problem = posed([(Activation.TANH, 4), (Activation.TANH, 4)], Loss.SQUARED, Bias.NONE, 20, 1.0, 3)
    ends, positions = ends_of(problem, list(sizes), 3), np.linspace(-1.0, 1.0, 5)
    assert worst(problem, *ends, positions) <= 1e-12
    monkeypatch.setattr(logistic, "SMALL", 0.0)
    assert worst(problem, *ends, positions) > 1e-12


def test_exponentials_out_of_range_are_not_used() -> None:
    for kind in (Activation.TANH, Activation.SIGMOID):
        problem = posed([(kind, 5)], Loss.SQUARED, Bias.ALL, 20, 1.0, 0)
        assert worst(problem, *ends_of(problem, [300.0, 1.0], 0), np.linspace(-3.0, 3.0, 7)) <= 1e-12


def test_uneven_positions_are_refused() -> None:
    problem = posed([(Activation.TANH, 2)], Loss.SQUARED, Bias.NONE, 5, 1.0, 0)
    with pytest.raises(ValueError, match="evenly spaced"):
        rows_of(problem, np.ones(8), np.array([0.0, 1.0, 3.0]))
