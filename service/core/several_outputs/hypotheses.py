"""What the solvers for several outputs ask of a problem, each with the numbers that decided."""

import numpy as np

from service.core.ground.hypotheses import ALL_TRAINED, DATA, LINEAR, NO_SKIPS, SQUARED_LOSS
from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.several_outputs.noise.water_filling import equality_holds, noisy_layers, water_level
from service.core.several_outputs.squared_error.quadratic import WHITE_TOLERANCE, quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound

_VACUOUS = Judgement(True, {"data": False})
"""Without data nothing contradicts a condition on them; that data are missing is a hypothesis of its own."""


def _yes_or(holds: bool, reason: str, **evidence: bool | float | str) -> Judgement:
    return Judgement(holds, evidence, "" if holds else reason)


def _bias_compensated(problem: Problem) -> Judgement:
    """The output bias is free and nothing else is affected by the means, or the means vanish."""
    network = problem.network
    if not network.bias_layers:
        return Judgement(True, {"bias": network.bias.value})
    if problem.moments is not None and problem.moments.centred:
        return Judgement(True, {"bias": network.bias.value, "centred": True})
    output = network.n_layers - 1
    decayed = [index for index in network.bias_layers if _bias_decay(problem, index) > 0.0]
    free = network.has_bias(output) and output not in decayed
    quiet = not np.any(network.noise_variances)
    everywhere = len(network.bias_layers) == network.n_layers and not decayed
    evidence = {"bias": network.bias.value, "centred": False, "output_bias_undecayed": free, "hidden_noise": not quiet}
    if not free:
        return Judgement(False, evidence, "the data are not centred and the output has no bias free of decay")
    if not quiet and not everywhere:
        return Judgement(
            False, evidence, "the data are not centred: hidden noise depends on the mean that the bias subtracts"
        )
    known = problem.moments is not None and problem.moments.x_mean is not None and problem.moments.y_mean is not None
    return Judgement(known, evidence, "" if known else "the means of the data are not given")


def _bias_decay(problem: Problem, index: int) -> float:
    decays = problem.network.bias_weight_decays
    return decays[index] if decays else 0.0


def _no_hidden_noise(problem: Problem) -> Judgement:
    largest = float(np.max(problem.network.noise_variances, initial=0.0))
    return _yes_or(largest == 0.0, "a hidden layer has noise", largest_variance=largest)


def _all_decayed(problem: Problem) -> Judgement:
    least = float(np.min(problem.network.weight_decays))
    return _yes_or(least > 0.0, "a layer has no weight decay", least_decay=least)


def _some_undecayed(problem: Problem) -> Judgement:
    least = float(np.min(problem.network.weight_decays))
    holds = least == 0.0 or problem.network.n_layers == 1
    return _yes_or(holds, "every layer has weight decay", least_decay=least, layers=problem.network.n_layers)


def _white_inputs(problem: Problem) -> Judgement:
    if problem.moments is None:
        return _VACUOUS
    spread = quadratic_of(problem).spread
    reason = "the inputs have different second moments in different directions"
    return _yes_or(spread <= WHITE_TOLERANCE, reason, spread=spread, spread_tolerance=WHITE_TOLERANCE)


def _autoencoder(problem: Problem) -> Judgement:
    if problem.moments is None:
        return _VACUOUS
    distance, noise = reconstruction_distance(problem), problem.network.input_noise_variance
    holds = distance <= 1e-12 and noise == 0.0
    return _yes_or(holds, "the targets are not the inputs as they enter the network", distance=distance, noise=noise)


def reconstruction_distance(problem: Problem) -> float:
    """Relative difference between the moments and those of ``y = x``; infinite if the sizes differ."""
    moments = problem.data
    if moments.inputs != moments.outputs:
        return float("inf")
    scale = float(np.trace(moments.xx))
    if scale == 0.0:
        return 0.0
    return float(np.max(np.abs(moments.xy - moments.xx)) + abs(moments.yy - scale)) / scale


def layers_at_least(count: int) -> Hypothesis:
    """At least ``count`` weight matrices."""

    def check(problem: Problem) -> Judgement:
        layers = problem.network.n_layers
        return _yes_or(layers >= count, f"fewer than {count} layers", layers=layers)

    return Hypothesis(f"at least {count} layers", check)


def layers_exactly(count: int) -> Hypothesis:
    """Exactly ``count`` weight matrices."""

    def check(problem: Problem) -> Judgement:
        layers = problem.network.n_layers
        return _yes_or(layers == count, f"not {count} layers", layers=layers)

    return Hypothesis(f"{count} layers", check)


def _wide_enough(problem: Problem) -> Judgement:
    if problem.moments is None:
        return _VACUOUS
    needed = min(problem.network.outputs, problem.data.inputs)
    width = min(problem.network.hidden_widths, default=0)
    holds = width >= needed
    return Judgement(holds, {"width": width, "needed": needed}, "" if holds else "a hidden layer is a bottleneck")


def _rank_one(problem: Problem) -> Judgement:
    if problem.moments is None:
        return _VACUOUS
    bound = rank_bound(problem)
    return Judgement(
        bound == 1, {"rank_bound": bound}, "" if bound == 1 else "the end-to-end map can have a higher rank"
    )


def _noise_present(problem: Problem) -> Judgement:
    count = len(noisy_layers(problem.network))
    return Judgement(count > 0, {"noisy_layers": count}, "" if count else "no hidden layer has noise")


def _one_noisy_layer(problem: Problem) -> Judgement:
    count = len(noisy_layers(problem.network))
    return Judgement(count == 1, {"noisy_layers": count}, "" if count == 1 else "not one hidden layer has noise")


def _no_decay(problem: Problem) -> Judgement:
    largest = float(np.max(problem.network.weight_decays))
    return _yes_or(largest == 0.0, "a layer has weight decay", largest_decay=largest)


def _output_bias_on_means(problem: Problem) -> Judgement:
    network = problem.network
    index = network.n_layers - 1
    alone = network.bias_layers == (index,) and _bias_decay(problem, index) == 0.0
    reason = "the biases are not one free of decay on the output alone"
    if problem.moments is None:
        return _yes_or(alone, reason, bias=network.bias.value)
    known = problem.data.x_mean is not None and problem.data.y_mean is not None
    return _yes_or(alone and known, reason if known else "the means are not given", bias=network.bias.value)


def _separable(problem: Problem) -> Judgement:
    if problem.moments is None:
        return _VACUOUS
    decays = problem.network.weight_decays
    if not np.all(decays > 0.0):
        return Judgement(True, {"least_decay": float(np.min(decays))})
    spread = quadratic_of(problem).spread
    holds = problem.network.n_layers == 2 and spread <= WHITE_TOLERANCE
    evidence = {"layers": problem.network.n_layers, "spread": spread}
    return Judgement(holds, evidence, "" if holds else "decay on every layer needs two layers and white inputs")


def _bound_attained(problem: Problem) -> Judgement:
    noisy = len(noisy_layers(problem.network))
    if problem.moments is None:
        return _VACUOUS
    if noisy <= 1:
        return Judgement(True, {"noisy_layers": noisy})
    kept = water_level(problem, quadratic_of(problem)).kept
    holds = equality_holds(problem.network, kept)
    reason = "several noisy layers and a solution of higher rank: the bound is strict"
    return Judgement(holds, {"noisy_layers": noisy, "rank": kept}, "" if holds else reason)


BIAS_COMPENSATED = Hypothesis("biases reduce to centring", _bias_compensated)
NO_HIDDEN_NOISE = Hypothesis("no noise on hidden layers", _no_hidden_noise)
ALL_DECAYED = Hypothesis("weight decay on every layer", _all_decayed)
SOME_UNDECAYED = Hypothesis("a layer without weight decay, or a single layer", _some_undecayed)
WHITE_INPUTS = Hypothesis("white inputs", _white_inputs)
AUTOENCODER = Hypothesis("targets equal inputs", _autoencoder)
WIDE_ENOUGH = Hypothesis("hidden layer at least as wide as inputs or outputs", _wide_enough)
RANK_ONE = Hypothesis("end-to-end map of rank at most one", _rank_one)
NOISE_PRESENT = Hypothesis("noise on a hidden layer", _noise_present)
ONE_NOISY_LAYER = Hypothesis("noise on one hidden layer", _one_noisy_layer)
NO_DECAY = Hypothesis("no weight decay", _no_decay)
OUTPUT_BIAS_ON_MEANS = Hypothesis("a free bias on the output alone", _output_bias_on_means)
SEPARABLE = Hypothesis("a layer without decay, or two layers on white inputs", _separable)
BOUND_ATTAINED = Hypothesis("one noisy layer, or a solution of rank one", _bound_attained)

COMMON = (DATA, SQUARED_LOSS, LINEAR, ALL_TRAINED, NO_SKIPS, BIAS_COMPENSATED)
