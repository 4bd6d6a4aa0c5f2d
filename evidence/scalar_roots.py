"""Numbers of stationary maps, sharpness of the thresholds, and several jumps, without using their formulas."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.one_output.branches import Branches
from service.core.one_output.reduced import reduce
from service.core.solvers.scalar_output import solve

INSTANCES = 1500
SHARP = (1e-6, 1e-8)


def problem_of(
    values: FloatArray, target: FloatArray, decays: FloatArray, widths: FloatArray, noises: FloatArray
) -> Problem:
    """A one-output network on uncorrelated inputs."""
    hidden = (
        Layer(int(width), weight_decay=float(decay), noise_variance=float(noise))
        for width, decay, noise in zip(widths, decays[:-1], noises, strict=True)
    )
    network = Network((*hidden, Layer(1, weight_decay=float(decays[-1]))))
    return Problem(network, Moments(np.diag(values), target[:, None], float(np.sum(target**2 / values))))


def instance(seed: int) -> Problem:
    """Inputs over six decades and two to five hidden layers; decays within a factor 20 of the collapse."""
    rng = np.random.default_rng(seed)
    size, depth = int(rng.integers(1, 6)), int(rng.integers(2, 6))
    values = 10.0 ** rng.uniform(-6.0, 0.0, size)
    target = np.sqrt(values) * 10.0 ** rng.uniform(-1.0, 1.0, size)
    decays = 10.0 ** rng.uniform(-4.0, -2.0, depth + 1)
    problem = problem_of(values, target, decays, rng.integers(1, 5, depth).astype(float), rng.choice([0.0, 0.5], depth))
    scale = solve(problem).thresholds.critical_decay_scale
    if scale is None:
        raise AssertionError("a correlated target has a critical decay")
    return with_decays_times(problem, scale * 10.0 ** rng.uniform(-1.3, 0.1))


def with_decays_times(problem: Problem, factor: float) -> Problem:
    """The same problem, every decay multiplied."""
    layers = tuple(replace(layer, weight_decay=layer.weight_decay * factor) for layer in problem.network.layers)
    return replace(problem, network=replace(problem.network, layers=layers))


def with_noise(problem: Problem, variance: float) -> Problem:
    """The same problem, one noise on all hidden layers."""
    *hidden, last = problem.network.layers
    layers = (*(replace(layer, noise_variance=variance) for layer in hidden), last)
    return replace(problem, network=replace(problem.network, layers=layers))


def trivial(problem: Problem) -> bool:
    """Whether zero beats every stationary map."""
    return Branches(reduce(problem.network, problem.data)).best is None


def norm(problem: Problem) -> float:
    """Length of the winning map."""
    best = Branches(reduce(problem.network, problem.data)).best
    return 0.0 if best is None else float(np.exp(best.log_norm))


def scanned_roots(problem: Problem) -> int:
    """Crossings of a dense grid over all places where a root can be."""
    reduced = reduce(problem.network, problem.data)
    power = (reduced.n_hidden + 1) / reduced.n_hidden
    level = power * reduced.log_kappa
    low = (level - np.log(np.sum(reduced.squares / reduced.values**2))) / power - 1.0
    high = (np.log(np.sum(reduced.squares)) - level) / (2.0 - power) + 1.0
    t = np.linspace(low, max(low + 1.0, high), 60_001)
    exponents = np.log(reduced.squares) - 2.0 * np.logaddexp(np.log(reduced.values), t[:, None])
    top = exponents.max(axis=1)
    above = power * t + top + np.log(np.exp(exponents - top[:, None]).sum(axis=1)) >= level
    return int(np.sum(above[1:] != above[:-1]))


def jumps_by_bisection(problem: Problem, scales: FloatArray) -> list[float]:
    """Scales of the decay at which the length of the winning map breaks off by a third or more."""
    found = []
    for left, right in pairwise(scales):
        low, high = float(left), float(right)
        at_low, at_high = norm(with_decays_times(problem, low)), norm(with_decays_times(problem, high))
        if at_low == 0.0 or at_high > 0.7 * at_low:
            continue
        for _ in range(60):
            middle = 0.5 * (low + high)
            at_middle = norm(with_decays_times(problem, middle))
            if at_middle - at_high > at_low - at_middle:
                low, at_low = middle, at_middle
            else:
                high, at_high = middle, at_middle
        if at_high < 0.7 * at_low:
            found.append(0.5 * (low + high))
    return found


def _root_counts() -> tuple[dict[int, int], int]:
    counts: dict[int, int] = {}
    lost = 0
    for seed in range(INSTANCES):
        problem = instance(seed)
        branches = Branches(reduce(problem.network, problem.data)).all
        if len(branches) != scanned_roots(problem):
            raise AssertionError(f"instance {seed}: the scan and the survey disagree")
        counts[len(branches)] = counts.get(len(branches), 0) + 1
        best = Branches(reduce(problem.network, problem.data)).best
        lost += best is not None and best.log_norm < branches[0].log_norm
    return dict(sorted(counts.items())), lost


def _flips() -> dict[str, int]:
    flips = {"decay": 0, "noise": 0}
    for seed in range(300):
        problem = instance(seed)
        found = solve(problem).thresholds
        pairs = {
            "decay": (found.critical_decay_scale, with_decays_times),
            "noise": (found.critical_noise_variance, with_noise),
        }
        for name, (critical, change) in pairs.items():
            if critical is None:
                continue
            flips[name] += 1
            for sharp in SHARP:
                if trivial(change(problem, critical * (1.0 - sharp))) or not trivial(
                    change(problem, critical * (1.0 + sharp))
                ):
                    raise AssertionError(f"instance {seed}: the critical {name} is not sharp to {sharp:g}")
    return flips


def _jumps() -> list[str]:
    rows = []
    ones = np.ones(2)
    cases = (
        ("two", np.array([1e-5, 1.0]), np.array([np.sqrt(0.5e-5), 1.0]), 6e-3),
        ("three", np.array([1e-4, 1e-2, 1.0]), np.array([0.09, 0.26, 1.0]), 0.385),
    )
    for name, values, target, decay in cases:
        problem = problem_of(values, target, np.full(3, decay), ones, 0.0 * ones)
        transitions = solve(problem).thresholds.transitions
        scales = np.geomspace(0.1 * transitions[0].decay_scale, 1.5 * transitions[-1].decay_scale, 500)
        measured = jumps_by_bisection(problem, scales)
        if len(measured) != len(transitions):
            raise AssertionError(f"{len(transitions)} jumps are claimed and {len(measured)} found")
        for transition, found in zip(transitions, measured, strict=True):
            off = abs(transition.decay_scale / found - 1.0)
            if off > 1e-9:
                raise AssertionError(f"a jump is off by {off:.1e}")
            rows.append(
                f"| {name} | {decay * transition.decay_scale:.6f} | {transition.norm_before:.4g} | "
                f"{transition.norm_after:.4g} | {off:.0e} |"
            )
    return rows


def report() -> str:
    """Count roots, test thresholds from both sides, and follow the winner through its jumps."""
    counts, lost = _root_counts()
    flips = _flips()
    counted = ", ".join(f"{count} roots: {number}" for count, number in counts.items())
    jumps = "\n".join(_jumps())
    return f"""
**Roots.** {INSTANCES} random problems (1 to 5 inputs over six decades, 2 to 5 hidden layers, decays between 5 % and
126 % of the collapse). In each the number of stationary maps equals the number of crossings on a grid of 60,001 points:
{counted}. In {lost} problems the stationary map of largest norm is not the best. Six roots:
inputs of variance 1e-4, 1e-2, 1 with `xy` = (0.09, 0.26, 1) and decay 0.385 in each of three layers
(`tests/unit/core/one_output/test_stationary_points.py`).

**Sharpness.** Whether zero is the minimum, decided from all stationary maps, flips between 1 - e and 1 + e times the
critical decay in all of {flips["decay"]} problems, and around the critical noise in all of {flips["noise"]}, for
e = {SHARP[0]:g} and e = {SHARP[1]:g}.

**Several jumps.** Two hidden layers; the length of the winning map followed over 500 decays, each break bisected.

| jumps | decay | length before | length after | distance from the claim |
|---|---|---|---|---|
{jumps}
"""
