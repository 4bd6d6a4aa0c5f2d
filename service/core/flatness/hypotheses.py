"""What theorems on flat minima ask of a problem."""

from typing import Final

import numpy as np

from service.core.flatness.tangents import tangents_of
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.several_outputs.hypotheses import ALL_DECAYED, COMMON, NO_HIDDEN_NOISE
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.vocabulary import Bias


def _undecayed(problem: Problem) -> Judgement:
    network = problem.network
    largest = max(float(network.weight_decays.max()), *network.bias_weight_decays, 0.0)
    return Judgement(largest == 0.0, {"largest_decay": largest}, "" if largest == 0.0 else "a weight or a bias decays")


def _no_hidden_bias(problem: Problem) -> Judgement:
    free = problem.network.n_hidden == 0 or problem.network.bias not in (Bias.ALL, Bias.HIDDEN)
    return Judgement(free, {"bias": problem.network.bias.value}, "" if free else "hidden layers have biases")


def _fixed_map(problem: Problem) -> Judgement:
    """With an output bias, no direction in which the inputs are constant but not zero: the bias would take over."""
    network = problem.network
    if problem.moments is None or problem.moments.x_mean is None or not network.has_bias(network.n_layers - 1):
        return Judgement(True, {"bias": network.bias.value})
    quadratic, mean = quadratic_of(problem), problem.moments.x_mean
    # without a basis all directions vary
    outside = 0.0 * mean if quadratic.basis is None else mean - quadratic.basis @ (quadratic.basis.T @ mean)
    length = float(np.linalg.norm(outside))
    holds = length <= CONSTANT * float(np.linalg.norm(mean))
    reason = "the inputs are constant in a direction, which an output bias leaves free, so that minima have many maps"
    return Judgement(holds, {"constant_part": length}, "" if holds else reason)


def _wide(problem: Problem) -> Judgement:
    if problem.moments is None:
        # that data are missing is a hypothesis of its own
        return Judgement(True, {"data": False})
    rank = int(tangents_of(problem).singular.values.size)
    width = min(problem.network.hidden_widths, default=rank)
    reason = "" if width >= rank else "a hidden layer is narrower, so that the residual has a part in the curvature"
    return Judgement(width >= rank, {"width": width, "rank": rank}, reason)


def _one_orbit(problem: Problem) -> Judgement:
    """One output; or no noise, and white inputs or two layers that are as wide as the map could need."""
    network = problem.network
    if network.outputs == 1:
        return Judgement(True, {"outputs": 1})
    needed = network.outputs if problem.moments is None else min(problem.data.inputs, network.outputs)
    width = min(network.hidden_widths, default=needed)
    quiet = not np.any(network.noise_variances)
    evidence = {"outputs": network.outputs, "layers": network.n_layers, "width": width, "needed": needed}
    white = problem.moments is not None and quadratic_of(problem).white
    evidence["white_inputs"] = white
    holds = quiet and (white or (network.n_layers <= 2 and width >= needed))
    reason = (
        "that all minima with several outputs are equally sharp is known without noise, on white inputs or for two "
        "wide layers"
    )
    return Judgement(holds, evidence, "" if holds else reason)


CONSTANT: Final = 1e-10
"""Share of the mean of the inputs outside the directions in which they vary that counts as rounding."""

UNDECAYED: Final = Hypothesis("no decay of weights and biases", _undecayed)
NO_HIDDEN_BIAS: Final = Hypothesis("no hidden bias", _no_hidden_bias)
WIDE: Final = Hypothesis("hidden layers as wide as the rank of the least-squares map", _wide)

FIXED_MAP: Final = Hypothesis("no constant direction of the inputs beside an output bias", _fixed_map)

CONVEX_OR_ONE_OUTPUT: Final = Hypothesis("one output, or no noise and white inputs or two wide layers", _one_orbit)

OF_FLATTEST: Final = (*COMMON, NO_HIDDEN_NOISE, UNDECAYED, NO_HIDDEN_BIAS, FIXED_MAP, WIDE)
"""All that the flattest minimum needs."""
OF_CLOSED_FORM: Final = (*COMMON, NO_HIDDEN_NOISE, UNDECAYED, NO_HIDDEN_BIAS)
"""What the closed form of the learning coefficient needs."""
OF_ONE_ORBIT: Final = (*COMMON, ALL_DECAYED, NO_HIDDEN_BIAS, CONVEX_OR_ONE_OUTPUT)
"""What makes all minima rotations and sign changes of one another, but for ties of one output."""
