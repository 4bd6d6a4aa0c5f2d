"""Random networks along random axes, their corners included, against one answer a point."""

from dataclasses import fields, replace

import numpy as np
import pytest

from service.core.asked.sweeps.axes import Axis, positions, varied
from service.core.asked.sweeps.columns import Sweep
from service.core.asked.sweeps.one_by_one import one_by_one
from service.core.asked.sweeps.phase_diagram import block, phase_diagram, size_of
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem
from service.vocabulary import Bias, SweepParameter

P = SweepParameter
WHOLE = (P.WIDTH, P.DEPTH)
SQUARED = ("loss", "fit", "noise", "decay", "prediction_variance")
LEAST, GREATEST = 1e-12, 1e6


def random_problem(rng: np.random.Generator, outputs: int) -> Problem:
    """Up to four hidden layers; some layers without decay or noise, some data with means under a bias."""
    inputs, depth, n = int(rng.integers(1, 6)), int(rng.integers(0, 5)), int(rng.integers(4, 25))
    x = rng.normal(size=(n, inputs)) * 10.0 ** rng.uniform(-1.0, 0.0, inputs) + rng.integers(2) * rng.normal(
        size=inputs
    )
    y = x @ rng.normal(size=(inputs, outputs)) + rng.normal(size=(n, outputs))
    free = rng.integers(4) == 0
    decays = [0.0 if free and rng.integers(2) else float(10.0 ** rng.uniform(-3.0, 0.0)) for _ in range(depth + 1)]
    noises = [0.5 * float(rng.integers(2)) if outputs == 1 else 0.0 for _ in range(depth)]
    hidden = tuple(
        Layer(int(rng.integers(1, 5)), weight_decay=decay, noise_variance=noise)
        for decay, noise in zip(decays[:-1], noises, strict=True)
    )
    bias = Bias(rng.choice(["none", "none", "all", "output"])) if outputs == 1 else Bias.NONE
    layers = (*hidden, Layer(outputs, weight_decay=decays[-1]))
    network = Network(layers, float(rng.choice([0.0, 0.0, 0.2])), bias, (0.0,) * (depth + 1))
    held_out = moments_of(rng.normal(size=(20, inputs)) + 1.0, rng.normal(size=(20, outputs)))
    return Problem(network, moments_of(x, y), evaluation=held_out if rng.integers(2) else None)


def ends_of(rng: np.random.Generator) -> FloatArray:
    """Anywhere in eighteen decades or near one; equal, beginning at zero, or both zero."""
    ends = 10.0 ** (
        rng.uniform(np.log10(LEAST), np.log10(GREATEST), 2) if rng.integers(2) else rng.uniform(-4.0, 1.5, 2)
    )
    corner = rng.integers(6)
    if corner == 0:
        ends[1] = ends[0]
    elif corner in (1, 2):
        ends[0] = 0.0
    elif corner == 3:
        ends[:] = 0.0
    return ends[::-1] if rng.integers(3) == 0 else ends


def random_axis(rng: np.random.Generator, parameter: SweepParameter, layers: int, widest: int) -> Axis:
    """Linear or logarithmic, ascending or descending, one point or several."""
    if parameter in WHOLE:
        low, high = (0, 6) if parameter is P.DEPTH else (1, widest)
        ends = rng.integers(low, high + 1, 2).astype(float)
        ends[0] = low if rng.integers(4) == 0 else ends[0]
        return Axis(parameter, np.unique(np.rint(np.linspace(ends[0], ends[1], int(rng.choice([1, 2, 5]))))))
    ends = ends_of(rng)
    count = int(rng.choice([1, 2, 3, 7]))
    logarithmic = ends.min() > 0.0 and rng.integers(2)
    values = np.geomspace(ends[0], ends[1], count) if logarithmic else np.linspace(ends[0], ends[1], count)
    layer = int(rng.integers(layers)) if parameter is P.WEIGHT_DECAY and rng.integers(2) else None
    return Axis(parameter, values, layer)


def random_sweep(seed: int, outputs: int = 1, widest: int = 10**5) -> tuple[Problem, list[Axis]]:
    """A problem and one or two axes that fit it."""
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, outputs)
    layers = problem.network.n_layers
    chosen = [P(one) for one in rng.permutation(list(P))[: int(rng.integers(1, 3))]]
    if layers == 1:
        chosen = [one for one in chosen if one in (P.DECAY_SCALE, P.WEIGHT_DECAY)] or [P.DECAY_SCALE]
    axes = [random_axis(rng, one, layers, widest) for one in chosen]
    depths = [axis.values.min() for axis in axes if axis.parameter is P.DEPTH]
    # a layer that is not there at the smallest depth cannot be varied
    return problem, [replace(axis, layer=None) if depths and (axis.layer or 0) > depths[0] else axis for axis in axes]


def assert_same(problem: Problem, found: Sweep, single: Sweep, message: str) -> None:
    for entry in fields(found):
        one, other = getattr(found, entry.name), getattr(single, entry.name)
        where = f"{message}: {entry.name}"
        if other is None:
            assert one is None, where
        elif entry.name in (*SQUARED, "evaluation_fit"):
            unit = problem.data.yy if entry.name in SQUARED else max(problem.data.yy, float(np.abs(other).max()))
            np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-11 * unit, err_msg=where)
        elif entry.name in ("norm", "parameter_norm"):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-11, err_msg=where)
        else:
            np.testing.assert_array_equal(one, other, err_msg=where)


def corner_of(axis: Axis) -> str:
    """What is special about an axis."""
    if not axis.values.any():
        return "zero alone"
    if axis.values.min() == 0.0:
        return "with zero"
    return "one value" if np.unique(axis.values).size == 1 else "several values"


def test_every_corner_of_every_axis_is_that_of_single_answers() -> None:
    seen = set()
    for seed in range(200):
        problem, axes = random_sweep(seed)
        seen |= {(axis.parameter, axis.layer is None, corner_of(axis)) for axis in axes}
        points = positions(axes, 0, size_of(axes))
        single = one_by_one(problem, points)
        assert_same(problem, block(problem, axes, 0, size_of(axes)), single, f"seed {seed}")
    corners = ("zero alone", "with zero", "one value", "several values")
    free = ((P.DECAY_SCALE, True), (P.WEIGHT_DECAY, True), (P.WEIGHT_DECAY, False), (P.NOISE_VARIANCE, True))
    assert seen >= {(*one, corner) for one in free for corner in corners}
    assert seen >= {(P.WIDTH, True, corner) for corner in corners[2:]}
    assert seen >= {(P.DEPTH, True, corner) for corner in corners[1:]}


def test_several_outputs_at_every_corner() -> None:
    for seed in range(6):
        problem, axes = random_sweep(seed, outputs=2, widest=8)
        axes = [replace(axis, values=axis.values[:2]) for axis in axes]
        found, points = block(problem, axes, 0, size_of(axes)), positions(axes, 0, size_of(axes))
        for index in range(size_of(axes)):
            minimum = solve(varied(problem, points, index)).solution.minimum
            assert found.loss[index] == minimum.loss
            assert found.rank[index] == minimum.rank


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("others", [(), (P.WIDTH,), (P.DECAY_SCALE,), (P.WEIGHT_DECAY,)])
def test_noise_from_exactly_zero(depth: int, others: tuple[SweepParameter, ...]) -> None:
    """The effective decay is least without any noise, however large the next noise on the axis is."""
    layers = tuple(Layer(3, weight_decay=0.01) for _ in range(depth))
    x = np.random.default_rng(0).normal(size=(50, 3))
    problem = Problem(Network((*layers, Layer(1, weight_decay=0.01))), moments_of(x, x @ np.ones((3, 1))))
    values = {P.WIDTH: np.array([1.0, 7.0]), P.DECAY_SCALE: np.array([0.0, 1.0]), P.WEIGHT_DECAY: np.array([0.0, 0.01])}
    axes = [Axis(P.NOISE_VARIANCE, np.array([0.0, 1e3])), *(Axis(one, values[one]) for one in others)]
    size = size_of(axes)
    assert_same(
        problem, block(problem, axes, 0, size), one_by_one(problem, positions(axes, 0, size)), f"{depth}, {others}"
    )
    assert not block(problem, axes, 0, 1).trivial[0]


def test_boundaries_at_corners_are_those_of_single_thresholds() -> None:
    compared = 0
    for seed in range(150):
        problem, axes = random_sweep(seed)
        for traced, boundary in enumerate(phase_diagram(problem, axes).boundaries):
            assert all(np.isnan(each.critical).all() or np.nanmin(each.critical) > 0.0 for each in boundary.transitions)
            if axes[traced].parameter is not P.DECAY_SCALE or not boundary.transitions:
                continue
            other = axes[:traced] + axes[traced + 1 :]
            for index in range(other[0].values.size if other else 1):
                thresholds = solve(varied(problem, other, index) if other else problem).solution.thresholds
                for found, expected in (
                    (boundary.transitions[-1].critical[index], thresholds.critical_decay_scale),
                    (boundary.metastable[index], thresholds.metastable_up_to_decay_scale),
                ):
                    assert np.isnan(found) if expected is None else found == pytest.approx(expected, rel=1e-9)
                    compared += expected is not None
    assert compared > 50
