"""Hypotheses on the setting: depth, widths, activations, biases, decay and noise, shared by theorems on landscapes."""

import numpy as np

from service.core.data_facts.facts import data_facts_of
from service.core.ground.hypotheses import ALL_TRAINED, LINEAR, NO_SKIPS, ONE_OUTPUT, SQUARED_LOSS
from service.core.ground.problems import Layer, Problem
from service.core.ground.rules import Fact, Hypothesis, Judgement, Tristate
from service.vocabulary import Activation, Bias, Loss

INPUTS_UNKNOWN = "without data the number of inputs is unknown"
SAMPLES_NEEDED = "the samples themselves are needed"


def judged(holds: Tristate, reason: str, **evidence: Fact) -> Judgement:
    """A judgement whose reason is kept only where it does not hold."""
    # comparisons of numpy numbers give `numpy.bool`, which is neither ``True`` nor ``False`` by identity
    known = None if holds is None else bool(holds)
    return Judgement(known, evidence, "" if known else reason)


def unknown(reason: str, **evidence: Fact) -> Judgement:
    """A judgement of a hypothesis that cannot be decided."""
    return Judgement(None, evidence, reason)


def inputs_of(problem: Problem) -> int | None:
    """Number of inputs, where data or a frozen first layer give it."""
    if problem.moments is not None:
        return problem.moments.inputs
    frozen = problem.network.layers[0].frozen_weights
    return None if frozen is None else int(frozen.shape[1])


def hidden_of(problem: Problem) -> tuple[Layer, ...]:
    """The hidden layers."""
    return problem.network.layers[:-1]


def bias_decays_of(problem: Problem) -> tuple[float, ...]:
    """Decays of the biases that exist."""
    network = problem.network
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    return tuple(decays[index] for index in network.bias_layers)


def _linear_output(problem: Problem) -> Judgement:
    kind = problem.network.layers[-1].activation
    return judged(kind is Activation.LINEAR, f"the output is followed by {kind}", output=kind.value)


def _no_decay(problem: Problem) -> Judgement:
    largest = max([*problem.network.weight_decays.tolist(), *bias_decays_of(problem)])
    return judged(largest == 0.0, "weights or biases are decayed", largest_weight_decay=largest)


def _no_noise(problem: Problem) -> Judgement:
    network = problem.network
    largest = float(max([network.input_noise_variance, *network.noise_variances.tolist()]))
    return judged(largest == 0.0, "there is noise", largest_noise_variance=largest)


def _weights_decayed(problem: Problem) -> Judgement:
    least = float(problem.network.weight_decays.min())
    return judged(least > 0.0, "a layer has no decay", least_weight_decay=least)


def _everything_decayed(problem: Problem) -> Judgement:
    network = problem.network
    trained = [layer.weight_decay for layer in network.layers if layer.frozen_weights is None]
    least = min([*trained, *bias_decays_of(problem)], default=1.0)
    return judged(least > 0.0, "a trained layer or a bias has no decay", least_weight_decay=least)


def _biases_decayed(problem: Problem) -> Judgement:
    decays = bias_decays_of(problem)
    least = min(decays, default=0.0)
    return judged(not decays or least > 0.0, "a bias has no decay", biased_layers=len(decays), least_bias_decay=least)


def _no_bias(problem: Problem) -> Judgement:
    return judged(problem.network.bias is Bias.NONE, "the network has biases", bias=problem.network.bias.value)


def _no_output_bias(problem: Problem) -> Judgement:
    bias = problem.network.bias
    return judged(bias in (Bias.NONE, Bias.HIDDEN), "the output has a bias", bias=bias.value)


def _offset_at_output(problem: Problem) -> Judgement:
    bias = problem.network.bias
    holds = bias is not Bias.HIDDEN or problem.network.n_hidden == 0
    return judged(holds, "hidden biases without an output bias are not covered", bias=bias.value)


def _all_biased(problem: Problem) -> Judgement:
    bias = problem.network.bias
    holds = bias is Bias.ALL or (bias is Bias.OUTPUT and problem.network.n_hidden == 0)
    return judged(holds, "a layer has no bias", bias=bias.value)


def _output_bias(problem: Problem) -> Judgement:
    bias = problem.network.bias
    return judged(bias in (Bias.ALL, Bias.OUTPUT), "the output has no bias", bias=bias.value)


def _last_hidden_bias(problem: Problem) -> Judgement:
    bias = problem.network.bias
    return judged(bias in (Bias.ALL, Bias.HIDDEN), "the hidden layers have no bias", bias=bias.value)


def _no_hidden(problem: Problem) -> Judgement:
    count = problem.network.n_hidden
    return judged(count == 0, f"there are {count} hidden layers", hidden_layers=count)


def _one_hidden(problem: Problem) -> Judgement:
    count = problem.network.n_hidden
    return judged(count == 1, f"{count} hidden layers, not one", hidden_layers=count)


def _some_hidden(problem: Problem) -> Judgement:
    count = problem.network.n_hidden
    return judged(count >= 1, "no hidden layer", hidden_layers=count)


def _several_hidden(problem: Problem) -> Judgement:
    count = problem.network.n_hidden
    return judged(count >= 2, "fewer than two hidden layers", hidden_layers=count)


def _convex_loss(problem: Problem) -> Judgement:
    return judged(True, "", loss=problem.loss.value)


def _unweighted(problem: Problem) -> Judgement:
    return judged(problem.loss is not Loss.WEIGHTED_SQUARED, "the loss is weighted", loss=problem.loss.value)


def _no_bottleneck(problem: Problem) -> Judgement:
    network, inputs = problem.network, inputs_of(problem)
    least = min(network.hidden_widths, default=network.outputs)
    if least >= network.outputs:
        return judged(True, "", least_hidden_width=least, outputs=network.outputs)
    if inputs is None:
        return unknown(INPUTS_UNKNOWN, least_hidden_width=least, outputs=network.outputs)
    # an offset that only hidden layers give passes through the network like one more input
    carried = int(network.bias is Bias.HIDDEN)
    return judged(
        least >= inputs + carried,
        "a hidden layer is narrower than the output and than the inputs with the offset that it carries"
        if carried
        else "a hidden layer is narrower than both the input and the output",
        least_hidden_width=least,
        inputs=inputs,
        outputs=network.outputs,
    )


def _distinct(problem: Problem) -> Judgement:
    facts = data_facts_of(problem)
    if facts.distinct is None or facts.n is None:
        return unknown(SAMPLES_NEEDED)
    holds = facts.distinct == facts.n
    return judged(holds, "some samples have equal inputs", samples=facts.n, distinct=facts.distinct)


def _consistent(problem: Problem) -> Judgement:
    conflicting = data_facts_of(problem).conflicting
    if conflicting is None:
        return unknown(SAMPLES_NEEDED)
    return judged(conflicting == 0, "equal inputs come with different targets", conflicting=conflicting)


def activations(name: str, allowed: frozenset[Activation]) -> Hypothesis:
    """Every hidden activation is one of ``allowed``."""

    def check(problem: Problem) -> Judgement:
        kinds = sorted({layer.activation.value for layer in hidden_of(problem)})
        holds = all(layer.activation in allowed for layer in hidden_of(problem))
        return judged(holds, "a hidden activation is of another kind", activations=", ".join(kinds))

    return Hypothesis(name, check)


def width_at_least(name: str, needed: str, count: int = 1) -> Hypothesis:
    """Every hidden layer has ``count`` neurons or more."""

    def check(problem: Problem) -> Judgement:
        least = min(problem.network.hidden_widths, default=0)
        return judged(least >= count, needed, least_hidden_width=least)

    return Hypothesis(name, check)


def has_full_row_rank(problem: Problem) -> Judgement:
    """Whether ``xx`` is invertible."""
    facts = data_facts_of(problem)
    if facts.moments is None or facts.rank_x is None:
        return unknown("without data the rank of the inputs is unknown")
    tolerance = facts.moments.spectrum.rank_tolerance
    evidence: dict[str, Fact] = {"rank": facts.rank_x, "inputs": facts.moments.inputs, "tolerance": tolerance}
    return judged(facts.rank_x == facts.moments.inputs, "the inputs are linearly dependent", **evidence)


def has_full_rank_xy(problem: Problem) -> Judgement:
    """Whether ``xy`` has full rank."""
    facts = data_facts_of(problem)
    if facts.rank_xy is None or facts.moments is None:
        return unknown("without data the rank of xy is unknown")
    full = min(facts.moments.inputs, facts.moments.outputs)
    return judged(facts.rank_xy == full, "xy does not have full rank", rank=facts.rank_xy, full=full)


def _nonzero_pull(problem: Problem) -> Judgement:
    pull = data_facts_of(problem).pull_at_zero
    if pull is None:
        return unknown("the gradient of the data term at the zero map is unknown")
    return judged(pull > 0.0, "the data term is stationary at the zero map", largest_singular_value=pull)


def _whitened(problem: Problem) -> Judgement:
    facts = data_facts_of(problem)
    if facts.whitening is None:
        return unknown("without data the second moment of the inputs is unknown")
    scale, deviation = facts.whitening
    if not np.isfinite(deviation):
        return judged(False, "all inputs are zero", scale=scale)
    return judged(deviation <= 1e-9, "the inputs are not whitened", scale=scale, relative_deviation=deviation)


LINEAR_OUTPUT = Hypothesis("linear output layer", _linear_output)
NO_DECAY = Hypothesis("no weight decay", _no_decay)
NO_NOISE = Hypothesis("no noise", _no_noise)
WEIGHTS_DECAYED = Hypothesis("every layer decayed", _weights_decayed)
EVERYTHING_DECAYED = Hypothesis("every trained parameter decayed", _everything_decayed)
BIASES_DECAYED = Hypothesis("every bias decayed", _biases_decayed)
NO_BIAS = Hypothesis("no bias", _no_bias)
NO_OUTPUT_BIAS = Hypothesis("no output bias", _no_output_bias)
OFFSET_AT_OUTPUT = Hypothesis("no bias, or a bias at the output", _offset_at_output)
ALL_BIASED = Hypothesis("every layer has a bias", _all_biased)
OUTPUT_BIAS = Hypothesis("output bias", _output_bias)
HIDDEN_BIAS = Hypothesis("hidden biases", _last_hidden_bias)
NO_HIDDEN = Hypothesis("no hidden layer", _no_hidden)
ONE_HIDDEN = Hypothesis("one hidden layer", _one_hidden)
SOME_HIDDEN = Hypothesis("a hidden layer", _some_hidden)
SEVERAL_HIDDEN = Hypothesis("at least two hidden layers", _several_hidden)
CONVEX_LOSS = Hypothesis("convex differentiable loss", _convex_loss)
UNWEIGHTED = Hypothesis("unweighted loss", _unweighted)
NO_BOTTLENECK = Hypothesis("no bottleneck", _no_bottleneck)
DISTINCT_INPUTS = Hypothesis("distinct inputs", _distinct)
CONSISTENT_TARGETS = Hypothesis("equal inputs have equal targets", _consistent)
FULL_ROW_RANK = Hypothesis("linearly independent inputs", has_full_row_rank)
FULL_RANK_XY = Hypothesis("xy of full rank", has_full_rank_xy)
NONZERO_PULL = Hypothesis("a gradient at the zero map", _nonzero_pull)
WHITENED = Hypothesis("whitened inputs", _whitened)

UNREGULARISED_LINEAR = (LINEAR, NO_DECAY, NO_NOISE, NO_SKIPS, ALL_TRAINED)
"""Default hypotheses of the theorems on linear networks without regulariser."""

PLAIN = (LINEAR_OUTPUT, NO_DECAY, NO_NOISE, NO_SKIPS, ALL_TRAINED)
"""Default hypotheses of the theorems on networks with activations, for an unweighted loss."""

__all__ = ["ALL_TRAINED", "LINEAR", "NO_SKIPS", "ONE_OUTPUT", "PLAIN", "SQUARED_LOSS", "UNREGULARISED_LINEAR"]
