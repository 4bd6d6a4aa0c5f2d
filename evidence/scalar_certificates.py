"""Certificates against arithmetic in many digits on inputs of condition up to 1e12."""

from dataclasses import dataclass

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np

from service.core.certificates.scalar_output import certify
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.one_output.norm_bound import norm_bound
from service.core.one_output.reduced import reduced_of
from service.core.solvers.scalar_output import solve
from tests.support.exact_numbers import of_floats
from tests.support.high_precision import DIGITS, exact_minimum

INSTANCES = 300


@dataclass(frozen=True)
class Outcome:
    """One instance; distances relative to the mean square of the target."""

    condition: float
    lower_slack: float
    upper_slack: float
    allowance: float
    error: float
    gap: float
    holds: bool
    nodes: int
    nodes_without_hint: int


def instance(seed: int) -> Problem:
    """Full-rank inputs whose condition number grows with the seed up to 1e12."""
    rng = np.random.default_rng(seed)
    size, depth = int(rng.integers(2, 5)), int(rng.integers(0, 5))
    values = 10.0 ** np.linspace(-12.0 * (seed + 1) / INSTANCES, 0.0, size)
    basis, _ = np.linalg.qr(rng.normal(size=(size, size)))
    xx = (basis * values) @ basis.T
    xx = 0.5 * (xx + xx.T)
    xy = xx @ (basis @ (rng.normal(size=(size, 1)) * values[:, None] ** -rng.uniform(0.0, 0.6)))
    with mp.workdps(DIGITS):
        column = mp.matrix(xy.tolist())
        explained = float((column.T * mp.lu_solve(mp.matrix(xx.tolist()), column))[0])
    decays = 10.0 ** rng.uniform(-4.0, 0.0, depth + 1)
    layers = [
        Layer(int(rng.integers(1, 5)), weight_decay=float(decay), noise_variance=float(rng.choice([0.0, 0.7])))
        for decay in decays[:-1]
    ]
    yy = explained * (1.0 + 10.0 ** rng.uniform(-6.0, 0.0))
    return Problem(Network((*layers, Layer(1, weight_decay=float(decays[-1])))), Moments(xx, xy, yy))


def exact_loss(problem: Problem) -> mp.mpf:
    """Least loss with the moments taken as exact numbers."""
    network, data = problem.network, problem.data
    noise = zip(network.noise_variances, network.hidden_widths, strict=True)
    return exact_minimum(of_floats(data.xx, data.xy, data.yy), list(network.weight_decays), noise).loss


def outcome(seed: int) -> Outcome:
    """Certify one instance and compare both bounds with the exact minimum."""
    problem = instance(seed)
    data, reduced = problem.data, reduced_of(problem)
    solution = solve(problem)
    certificate = certify(problem, solution)
    unit = max(abs(certificate.upper_bound), 1e-6 * data.yy)
    length = float(solution.minimum.singular_values[0]) * float(np.exp(reduced.log_factor))
    searched = [
        norm_bound(reduced, 0.2 * certificate.tolerance * unit, certificate.upper_bound, hint).nodes
        for hint in (length if length > 0.0 else None, None)
    ]
    with mp.workdps(DIGITS):
        exact = exact_loss(problem)
        lower_slack = float(exact - certificate.lower_bound)
        upper_slack = float(mp.mpf(certificate.upper_bound) + certificate.rounding_allowance - exact)
        error = float(abs(solution.minimum.loss - exact))
    return Outcome(
        condition=data.spectrum.condition_number,
        lower_slack=lower_slack / data.yy,
        upper_slack=upper_slack / data.yy,
        allowance=certificate.rounding_allowance / data.yy,
        error=error / data.yy,
        gap=certificate.relative_gap,
        holds=certificate.holds,
        nodes=searched[0],
        nodes_without_hint=searched[1],
    )


def report() -> str:
    """Certify all instances."""
    outcomes = [outcome(seed) for seed in range(INSTANCES)]
    wrong = [found for found in outcomes if found.lower_slack < 0.0 or found.upper_slack < 0.0]
    if wrong:
        raise AssertionError(f"{len(wrong)} certificates do not contain the exact minimum")
    rows = []
    for low in range(0, 12, 2):
        own = [found for found in outcomes if 10.0**low <= found.condition < 10.0 ** (low + 2)]
        rows.append(
            f"| 1e{low} to 1e{low + 2} | {len(own)} | {sum(found.holds for found in own)} | "
            f"{max(found.error for found in own):.1e} | {max(found.allowance for found in own):.1e} | "
            f"{np.median([found.gap for found in own]):.1e} | {max(found.gap for found in own):.1e} |"
        )
    table = "\n".join(rows)
    nodes, cold = [found.nodes for found in outcomes], [found.nodes_without_hint for found in outcomes]
    return f"""
{INSTANCES} problems with 2 to 4 inputs and 0 to 4 hidden layers. The exact minimum is computed in {DIGITS} digits by a
program of its own that takes the moments as exact numbers. All {INSTANCES} certificates contain it:
lower bound <= minimum <= upper bound plus rounding allowance.

| condition | problems | gap below 1e-9 | worst error of the loss | largest allowance | median gap | largest gap |
|---|---|---|---|---|---|---|
{table}

Errors and allowances are relative to the mean square of the target, gaps to the loss. Where the gap stays open because
rounding may have cost more than 1e-9 of the loss, the service calls its answer *bounded*, not *exact*.

Shells bounded for a gap of 2e-10: {np.median(nodes):.0f} (median) and {max(nodes)} (most) from the length of the
returned map; {np.median(cold):.0f} and {max(cold)} without it. The bound is valid either way.
"""
