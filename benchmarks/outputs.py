"""Several outputs against PyTorch: minima from moments against L-BFGS, Hessian spectra against autograd.

Both sides run on one thread and start from the same moments.  Sizes and stopping rules are printed.
"""

import sys
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison, best_time
from benchmarks.outputs_problems import DECAY, moments_with_condition, white_moments
from benchmarks.outputs_torch import autograd_spectrum, lbfgs
from service.core.curvature.spectrum import hessian_spectrum
from service.core.dispatch import solve
from service.core.ground.data.moments import check
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.ground.results import Minima

INPUTS: Final = 100
OUTPUTS: Final = 20
EXCESS: Final = 1e-12
"""What counts as the same loss, relative to the minimum."""
RUNS: Final = 3
ROUNDS: Final = 20
SPECTRUM_SHAPE: Final = (20, 15, 20)
SPECTRUM_ERROR: Final = 1e-9


def compare() -> list[Comparison]:
    """Whitened inputs at two widths, inputs that are not white, and the spectrum of a Hessian."""
    with threadpool_limits(limits=1):
        return [
            _minimum("whitened", 1000, white_moments(INPUTS, OUTPUTS), EXCESS, 800.0),
            _minimum("whitened", 125, white_moments(INPUTS, OUTPUTS), EXCESS, 100.0),
            _minimum("condition 100", 1000, moments_with_condition(100.0, INPUTS, OUTPUTS), 1e-9, 1.0),
            _minimum("condition 100", 125, moments_with_condition(100.0, INPUTS, OUTPUTS), 1e-9, 1.0),
            _spectrum(),
        ]


def answered(network: Network, moments: Moments) -> Minima:
    """Checks, minimum, stationary points, thresholds and certificate; nothing is kept from an earlier call."""
    fresh = Moments(moments.xx, moments.xy, moments.yy)
    check(fresh)
    return solve(Problem(network, fresh))


def _minimum(inputs: str, hidden: int, moments: Moments, excess: float, target: float) -> Comparison:
    network = Network((Layer(hidden, weight_decay=DECAY), Layer(moments.outputs, weight_decay=DECAY)))
    answer = answered(network, moments)
    assert answer.certificate.holds
    least = answer.solution.minimum.loss
    seconds = best_time(lambda: answered(network, moments), ROUNDS)
    descents = [lbfgs(moments, network, least * (1.0 + excess), seed) for seed in range(RUNS)]
    reached = [run for run in descents if run.loss <= least * (1.0 + excess)]
    assert reached, "L-BFGS did not reach the minimum"
    fastest = min(reached, key=lambda run: run.seconds)
    weights = hidden * (moments.inputs + moments.outputs)
    losses = ", ".join(
        f"{run.seconds:.3f} s, {run.evaluations} evaluations, {run.loss / least - 1.0:.0e} above" for run in descents
    )
    print(
        f"  {inputs}, {weights} weights: {answer.solution.solver}, relative gap {answer.certificate.relative_gap:.1e}, "
        f"{1e3 * seconds:.2f} ms; L-BFGS: {losses}",
        file=sys.stderr,
    )
    return Comparison(
        work=f"two layers, {moments.inputs} inputs ({inputs}), {hidden} hidden, {moments.outputs} outputs: full answer",
        measured=1.0 / seconds,
        reference=f"PyTorch L-BFGS to {excess:g} above, best of {RUNS} starts",
        measured_reference=1.0 / fastest.seconds,
        unit="1/s",
        bound=target,
        at_least=True,
    )


def _spectrum() -> Comparison:
    inputs, hidden, outputs = SPECTRUM_SHAPE
    moments = white_moments(inputs, outputs)
    network = Network((Layer(hidden, weight_decay=DECAY), Layer(outputs, weight_decay=DECAY)))
    problem = Problem(network, moments)
    parameters = solve(problem).solution.minimum.parameters
    assert parameters is not None
    weights = [weight.dense() for weight in parameters.weights]
    seconds = best_time(lambda: hessian_spectrum(Problem(network, moments), weights))
    reference = best_time(lambda: autograd_spectrum(moments, network, weights), 3)
    found, expected = hessian_spectrum(problem, weights).values, autograd_spectrum(moments, network, weights)
    error = float(np.abs(found - expected).max()) / float(np.abs(expected).max())
    print(
        f"  spectrum of {found.size} weights: largest difference {error:.1e} of the largest eigenvalue", file=sys.stderr
    )
    assert error <= SPECTRUM_ERROR
    return Comparison(
        work=f"Hessian spectrum at the minimum, whitened, {found.size} weights, right to {SPECTRUM_ERROR:g}",
        measured=1.0 / seconds,
        reference="PyTorch autograd (vectorised), then eigvalsh",
        measured_reference=1.0 / reference,
        unit="1/s",
        bound=20.0,
        at_least=True,
    )
