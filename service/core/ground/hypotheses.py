"""Hypotheses that several solvers and theorems share, each a predicate with the numbers that decided."""

import numpy as np

from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.vocabulary import Activation, Bias, Loss


def _linear(problem: Problem) -> Judgement:
    kinds = sorted({layer.activation.value for layer in problem.network.layers})
    holds = all(layer.activation is Activation.LINEAR for layer in problem.network.layers)
    return Judgement(holds, {"activations": ", ".join(kinds)}, "" if holds else "an activation is not linear")


def _one_output(problem: Problem) -> Judgement:
    outputs = problem.network.outputs
    return Judgement(outputs == 1, {"outputs": outputs}, "" if outputs == 1 else f"the network has {outputs} outputs")


def _squared(problem: Problem) -> Judgement:
    holds = problem.loss is Loss.SQUARED
    return Judgement(holds, {"loss": problem.loss.value}, "" if holds else f"the loss is {problem.loss.value}")


def _all_trained(problem: Problem) -> Judgement:
    frozen = sum(layer.frozen_weights is not None for layer in problem.network.layers)
    return Judgement(frozen == 0, {"frozen_layers": frozen}, "" if frozen == 0 else f"{frozen} layers are not trained")


def _no_skips(problem: Problem) -> Judgement:
    count = len(problem.network.skips)
    return Judgement(count == 0, {"skips": count}, "" if count == 0 else "the network has skip connections")


def _has_data(problem: Problem) -> Judgement:
    holds = problem.moments is not None
    return Judgement(holds, {}, "" if holds else "the minimum needs data, and none was given")


def _bias_covered(problem: Problem) -> Judgement:
    """No bias, centred data (every bias is then best at zero), or undecayed biases that reach the output."""
    network = problem.network
    if not network.bias_layers:
        return Judgement(True, {"bias": network.bias.value})
    if problem.moments is not None and problem.moments.centred:
        return Judgement(True, {"bias": network.bias.value, "centred_data": True})
    if network.bias is Bias.HIDDEN:
        return Judgement(
            False, {"bias": "hidden"}, "hidden biases without an output bias, on data that are not centred"
        )
    decays = [network.bias_weight_decays[index] for index in network.bias_layers if network.bias_weight_decays]
    decayed = bool(np.any(np.array(decays) > 0.0))
    reason = "a bias is decayed, on data that are not centred" if decayed else ""
    return Judgement(not decayed, {"bias": network.bias.value, "bias_weight_decay": max(decays, default=0.0)}, reason)


def _some_trained(problem: Problem) -> Judgement:
    count = sum(layer.frozen_weights is None for layer in problem.network.layers)
    return Judgement(count > 0, {"trained_layers": count}, "" if count else "no layer is trained: nothing can change")


LINEAR = Hypothesis("linear activations", _linear)
ONE_OUTPUT = Hypothesis("one output", _one_output)
SQUARED_LOSS = Hypothesis("squared loss", _squared)
ALL_TRAINED = Hypothesis("all layers trained", _all_trained)
SOME_TRAINED = Hypothesis("a trained layer", _some_trained)
NO_SKIPS = Hypothesis("no skip connections", _no_skips)
DATA = Hypothesis("data", _has_data)
BIAS_COVERED = Hypothesis("no bias, an undecayed bias up to the output, or centred data", _bias_covered)
