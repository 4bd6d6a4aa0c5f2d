"""Gradient descent on both sides of the largest step, and spectra against automatic differentiation."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from service.core.curvature.hessian import dense_hessian
from service.core.flatness.flattest import flattest
from service.core.flatness.tangents import tangents_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.losses.dense import DenseParameters, flatten, unflatten
from service.core.losses.expected import gradient_of
from service.vocabulary import Bias
from tests.support.flatness import another_minimum, at_flattest, instance

PROBLEMS: Final = 50
BELOW: Final = 0.99
ABOVE: Final = 1.01
STARTS: Final = 10
"""Random starts for each problem, with a step above the largest."""
STEPS: Final = 4_000
MET: Final = 1e-9
CROSSED: Final = 300


def report() -> str:
    """What was measured.

    Raises
    ------
    RuntimeError
        If gradient descent converges to a global minimum with a step above the largest, leaves the flattest minimum
        with one below, or finds a flatter minimum.
    """
    near = [_beside(*_case(_problem(seed)), seed) for seed in range(PROBLEMS)]
    away = [_from_random_starts(_problem(seed), seed) for seed in range(PROBLEMS)]
    flatter, gaps = zip(*(_against_others(seed) for seed in range(PROBLEMS)), strict=True)
    if not all(below and above for below, above in near) or any(away) or min(flatter) < 1.0:
        raise RuntimeError(f"{near}, {away}, {min(flatter)}")
    runs, all_ = PROBLEMS * STARTS, f"{PROBLEMS} of {PROBLEMS}"
    measured = {
        f"started beside the flattest minimum (1e-5 away), {BELOW} times the largest step: the gradient falls": all_,
        f"the same with {ABOVE} times the largest step: the gradient grows": all_,
        f"from {runs} random starts, {ABOVE} times the largest step, {STEPS:,} steps: at a global minimum": f"0/{runs}",
        "the flattest of 20 random other minima a problem, over the bound: least of all": f"{min(flatter):.4f}",
        "gap of the bounds with one output, largest": f"{max(gaps):.1e}",
    }
    lines = [
        f"{PROBLEMS} linear networks of two to four layers with one output, half with an output bias, on 40 samples of",
        "four skewed inputs that are not centred (`tests/support/flatness.py`).",
        "",
        "| | |",
        "|---|---|",
        *(f"| {what} | {found} |" for what, found in measured.items()),
        "",
        _several_outputs(),
        "",
        _crossings(),
        "",
        _by_autograd(),
    ]
    return "\n".join(lines)


def _problem(seed: int) -> Problem:
    return instance(2 + seed % 3, 1, seed, bias=Bias.OUTPUT if seed % 2 else Bias.NONE, width=3)


def _case(problem: Problem) -> tuple[float, Problem, DenseParameters]:
    found, narrow, point = at_flattest(problem)
    return 2.0 / found.lower_bound, narrow, point


def _descended(problem: Problem, start: FloatArray, like: DenseParameters, step: float, count: int) -> FloatArray:
    """The point after some steps; where it was when it left double precision."""
    at = start
    for _ in range(count):
        gradient = flatten(gradient_of(problem.network, problem.data, unflatten(at, like)))
        if not np.all(np.isfinite(gradient)) or np.abs(at).max() > 1e6:
            return np.full_like(at, np.inf)
        at = at - step * gradient
    return np.asarray(at)


def _slope(problem: Problem, at: FloatArray, like: DenseParameters) -> float:
    return float(np.linalg.norm(flatten(gradient_of(problem.network, problem.data, unflatten(at, like)))))


def _beside(largest: float, problem: Problem, point: DenseParameters, seed: int) -> tuple[bool, bool]:
    begin = flatten(point)
    start = begin * (1.0 + 1e-5 * np.random.default_rng(seed).standard_normal(begin.size))
    slope = _slope(problem, start, point)
    below = _descended(problem, start, point, BELOW * largest, 3_000)
    above = _descended(problem, start, point, ABOVE * largest, 800)
    left = bool(np.any(np.isinf(above))) or _slope(problem, above, point) > 2.0 * slope
    return bool(np.all(np.isfinite(below))) and _slope(problem, below, point) < 0.5 * slope, left


def _from_random_starts(problem: Problem, seed: int) -> int:
    """How many runs with a step above the largest end at a global minimum."""
    like = another_minimum(problem, 0)
    size, rng, ended = flatten(like).size, np.random.default_rng(seed), 0
    step = ABOVE * 2.0 / flattest(tangents_of(problem)).lower_bound
    map_ = tangents_of(problem).least_squares
    for _ in range(STARTS):
        at = _descended(problem, 0.3 * rng.standard_normal(size), like, step, STEPS)
        if np.any(np.isinf(at)) or _slope(problem, at, like) > 1e-6:
            continue
        weights = unflatten(at, like).weights
        product = weights[0]
        for weight in weights[1:]:
            product = weight @ product
        ended += bool(np.linalg.norm(product - map_) < 1e-4 * np.linalg.norm(map_))
    return ended


def _against_others(seed: int) -> tuple[float, float]:
    problem = _problem(seed)
    found = flattest(tangents_of(problem))
    others = [
        float(np.linalg.eigvalsh(dense_hessian(problem, another_minimum(problem, other)))[-1]) for other in range(20)
    ]
    return min(others) / found.lower_bound, 1.0 - found.lower_bound / found.sharpness


def _several_outputs() -> str:
    """The same on problems of two and three outputs.

    Raises
    ------
    RuntimeError
        As in `report`, or if the bounds do not meet with two layers.
    """
    gaps, flatter = [], np.inf
    for seed in range(PROBLEMS):
        problem = instance(2 + seed % 3, 2 + seed % 2, seed, bias=Bias.OUTPUT if seed % 4 > 1 else Bias.NONE)
        found = flattest(tangents_of(problem))
        gaps.append(1.0 - found.lower_bound / found.sharpness)
        others = [
            np.linalg.eigvalsh(dense_hessian(problem, another_minimum(problem, other)))[-1] for other in range(20)
        ]
        flatter = min(flatter, float(min(others)) / found.lower_bound)
        if not all(_beside(*_case(problem), seed)) or flatter < 1.0 or (seed % 3 == 0 and gaps[-1] > MET):
            raise RuntimeError(f"{seed}: {found}, {flatter}")
    return (
        f"Two and three outputs, {PROBLEMS} problems, half with a bias: the gradient falls and grows on the two sides "
        f"of the step in all of them; gap of the bounds: median {np.median(gaps):.1e}, largest {max(gaps):.1e}; the "
        f"flattest of 20 random other minima a problem, over the bound: least of all {flatter:.4f}."
    )


def _crossings() -> str:
    """How often, and how far, bounds do not meet where eigenvalues cross."""
    gaps = []
    for seed in range(CROSSED):
        rng = np.random.default_rng(seed)
        size, layers = int(rng.integers(2, 5)), 3 + seed % 3
        spread, values = np.exp(2.0 * rng.standard_normal(size)), np.exp(2.0 * rng.standard_normal(size))
        network = Network((Layer(size),) * layers)
        found = flattest(tangents_of(Problem(network, Moments(np.diag(spread), np.diag(spread * values), 1e6))))
        gaps.append(1.0 - found.lower_bound / found.sharpness)
    open_ = [gap for gap in gaps if gap > MET]
    return (
        f"{CROSSED} problems that are made to have crossing eigenvalues (diagonal maps on diagonal second moments over "
        f"three decades, three to five layers): {len(open_)} stay open; of these the gap is "
        f"{np.median(open_ or [0.0]):.1e} in the median and {max(gaps):.1e} at most."
    )


def _by_autograd() -> str:
    try:
        import torch  # noqa: PLC0415 - evidence alone needs it
    except ImportError:
        return "PyTorch is not installed here: no spectrum was compared with automatic differentiation."
    worst = 0.0
    for seed in range(PROBLEMS):
        _, narrow, point = at_flattest(instance(2 + seed % 3, 1 + seed % 3, seed))
        assert narrow.samples is not None
        x, y = (torch.tensor(part, dtype=torch.float64) for part in (narrow.samples.x, narrow.samples.y))
        shapes: Sequence[tuple[int, ...]] = [weight.shape for weight in point.weights]

        def loss(flat: "torch.Tensor", x: "torch.Tensor" = x, y: "torch.Tensor" = y, shapes: object = shapes) -> object:
            at, place = x, 0
            for rows, columns in shapes:  # type: ignore[attr-defined]  # bound as a default
                at = at @ flat[place : place + rows * columns].reshape(rows, columns).T
                place += rows * columns
            return ((at - y) ** 2).sum() / len(x)

        flat = torch.tensor(np.concatenate([weight.ravel() for weight in point.weights]), dtype=torch.float64)
        values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat)).numpy()[::-1]
        told = flattest(tangents_of(narrow)).spectrum
        shared = min(values.size, told.size)
        worst = max(worst, float(np.abs(values[:shared] - told[:shared]).max() / values[0]))
    return (
        f"Spectra of {PROBLEMS} flattest minima against Hessians of PyTorch {torch.__version__} (`torch.autograd`): "
        f"largest difference {worst:.1e} of the largest eigenvalue."
    )
