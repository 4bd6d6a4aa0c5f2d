"""Collapse under weight decay: all weights zero is a local minimum, with biases and under any loss."""

from typing import Final

import numpy as np

from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.ground.rules import Fact, Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import (
    PROOFS,
    case,
    excludes,
    follows,
    implied_by,
    labelled,
    row,
    samples,
    with_layer,
    with_network,
    with_widths,
)
from service.core.landscapes.cases import on as on_data
from service.core.landscapes.networks.below_origin import VANISHING
from service.core.landscapes.networks.collapsed import collapsed_of
from service.core.landscapes.networks.silent_networks import SILENT_BELOW_ZERO
from service.core.landscapes.networks.trained import below
from service.vocabulary import Activation, Bias, Loss, Property, TheoremStatus

TRAINED: Final = (on.LINEAR_OUTPUT, on.NO_NOISE, on.NO_SKIPS, on.ALL_TRAINED)
ROUNDING: Final = 1e-9
"""Share by which a product of decays must exceed its threshold."""


def _steepest(layer: Layer) -> float:
    """Largest slope of an activation at zero, from either side."""
    if layer.activation is Activation.QUADRATIC:
        return 0.0
    return max(1.0, abs(layer.slope or 0.0))


def hidden_bias_decays(network: Network) -> tuple[float, ...]:
    """Decays of the hidden biases that exist."""
    decays = network.bias_weight_decays or (0.0,) * network.n_layers
    return tuple(decays[index] for index in network.bias_layers if index < network.n_layers - 1)


def _held(problem: Problem) -> Judgement:
    """Whether no hidden unit can take over from the output bias."""
    found = collapsed_of(problem)
    if found is None:
        return on.unknown(on.SAMPLES_NEEDED) if problem.samples is None else on.judged(False, "no constant is best")
    network = problem.network
    # the force on a constant that hidden units would add: none where the output bias is free to give it
    pull = float(np.linalg.norm(found.slope))
    if (found.bias_decay == 0.0 and network.has_bias(network.n_hidden)) or network.n_hidden == 0:
        return on.judged(True, "", output_bias_decay=0.0)
    if any(layer.activation not in VANISHING for layer in network.layers[:-1]):
        reason = "units that do not vanish at zero replace an output bias that is decayed or missing"
        return on.judged(False, reason, pull=pull)
    if not network.has_bias(network.n_hidden - 1):
        return on.judged(True, "", pull=pull)
    if not network.weight_decays.all():
        return on.judged(False, "a layer without decay lets hidden units replace the output bias", pull=pull)
    threshold = 2.0 * float(np.sqrt(network.layers[-1].weight_decay) * np.sqrt(network.bias_weight_decays[-2]))
    steepest = pull * _steepest(network.layers[-2])
    reason = "the last hidden biases are decayed too little to keep their units from replacing the output bias"
    return on.judged(steepest < threshold * (1.0 - ROUNDING), reason, pull=steepest, threshold=threshold)


def _higher_order(problem: Problem) -> Judgement:
    """Whether outputs vary at higher order than decay."""
    hidden = on.hidden_of(problem)
    quadratic = len(hidden) == 1 and hidden[0].activation is Activation.QUADRATIC
    free = quadratic and any(decay == 0.0 for decay in hidden_bias_decays(problem.network))
    reason = "one hidden layer, whose units are not quadratic or have biases without decay"
    return on.judged(len(hidden) >= 2 or (quadratic and not free), reason, hidden_layers=len(hidden))


def _two_decayed(problem: Problem) -> Judgement:
    count = int(np.count_nonzero(problem.network.weight_decays))
    return on.judged(count >= 2, "fewer than two layers are decayed", decayed_layers=count)


def _best_constant(problem: Problem) -> Judgement:
    if problem.samples is None:
        return on.unknown(on.SAMPLES_NEEDED)
    return on.judged(collapsed_of(problem) is not None, "a label does not occur: no constant output is best")


def _constant_is_beaten(problem: Problem) -> Judgement:
    found = collapsed_of(problem)
    if found is None:
        return on.unknown("no best constant is known")
    better = below(problem, found.loss)
    numbers: dict[str, Fact] = {"loss_of_constant": found.loss}
    if better is None:
        return on.unknown("no network below the best constant was found", **numbers)
    return on.judged(True, "", loss_found=better[1], **numbers)


def _hidden_biases_free(problem: Problem) -> Judgement:
    decays = hidden_bias_decays(problem.network)
    if len(decays) < problem.network.n_hidden or not decays:
        return on.judged(False, "the hidden layers have no biases", hidden_biases=len(decays))
    return on.judged(max(decays) == 0.0, "the hidden biases are decayed", largest_bias_decay=max(decays))


def _isolated(problem: Problem) -> Judgement:
    """Whether nothing is flat at the collapsed network: hidden biases are decayed, the best constant is unique."""
    decays = hidden_bias_decays(problem.network)
    found = collapsed_of(problem)
    unbiased = not problem.network.has_bias(problem.network.n_hidden)
    unique = problem.loss is not Loss.CROSS_ENTROPY or unbiased or (found is not None and found.bias_decay > 0.0)
    reason = (
        "weights or hidden biases without decay, or a constant that shifts all classes alike, leave the loss as it is"
    )
    decayed = bool(problem.network.weight_decays.all()) and all(decay > 0.0 for decay in decays)
    return on.judged(unique and decayed, reason)


BEST_CONSTANT = Hypothesis("a best constant output", _best_constant)
HIGHER_ORDER = Hypothesis("two hidden layers, or quadratic units", _higher_order)
TWO_DECAYED = Hypothesis("two decayed layers", _two_decayed)
HELD = Hypothesis("a collapsed network that its decay keeps", _held)
BEATEN = Hypothesis("a network below the best constant", _constant_is_beaten)
ISOLATED = Hypothesis("decayed weights and hidden biases, and a unique best constant", _isolated)
FREE_BIASES = Hypothesis("hidden biases without decay", _hidden_biases_free)

_DATA = samples(8, 2)
_DEEP = case((3, 3, 1), _DATA, activation=Activation.TANH, decay=1e-3, bias=Bias.ALL)
_FAR = Samples(_DATA.x, _DATA.y + 50.0)
_LABELS = labelled(8)
_SHALLOW = case((3, 1), _LABELS, activation=Activation.RELU, decay=1e-4, bias=Bias.ALL, loss=Loss.LOGISTIC)

COLLAPSE = row(
    "R56",
    "Decay and biases: the collapsed network is a local minimum",
    "With two hidden layers or more, or quadratic units, and two decayed layers, outputs differ between samples by at "
    "most C |W_L| ... |W_1| (C |W_2| |W_1|^2), of order three, and decay is of order two: W = 0 with the best constant "
    "as free output bias is a local minimum for any loss and activation. If that bias is decayed or missing it is "
    "one where s(0) = 0 and, with hidden biases, all weights are decayed and |E l'(c)| |s'(0)| < 2 sqrt(g_L h_H), h_H "
    "the decay of the last hidden biases. It is strict where all is decayed, and bad where some network lies below it.",
    "derived; Ziyin, Li, Meng, NeurIPS 2022 (arXiv 2202.04777) for linear networks without biases",
    TheoremStatus.PROVED,
    (*TRAINED, HIGHER_ORDER, TWO_DECAYED, HELD),
    _DEEP,
    breaks={
        HIGHER_ORDER: with_widths(_DEEP, 3),
        TWO_DECAYED: with_layer(with_layer(_DEEP, 0, weight_decay=0.0), 1, weight_decay=0.0),
        HELD: with_network(on_data(_DEEP, _FAR), bias_weight_decays=(1e-3,) * 3),
    },
    conclusions=(
        *follows(Property.SPURIOUS_MINIMA_EXIST, provided=(BEATEN,)),
        *excludes(Property.NO_BAD_STRICT_MINIMA, Property.NO_BAD_BASINS, provided=(ISOLATED, BEATEN)),
    ),
    caution="with one hidden layer a unit and its output weight gain at order two: only large decay keeps it",
    page=PROOFS,
)
SILENCE = row(
    "R57",
    "Dead ReLU units under decay: a bad local minimum where hidden biases are free",
    "If hidden biases are not decayed, W = 0 with hidden biases of minus one silences every unit of zero left slope on "
    "all samples, and near it the loss is that of a constant and decay: with the best constant it is a local minimum, "
    "and a bad one where some network lies below it.",
    "derived",
    TheoremStatus.PROVED,
    (*TRAINED, on.SOME_HIDDEN, SILENT_BELOW_ZERO, FREE_BIASES, BEST_CONSTANT),
    _SHALLOW,
    breaks={
        SILENT_BELOW_ZERO: with_layer(_SHALLOW, 0, activation=Activation.TANH),
        FREE_BIASES: with_network(_SHALLOW, bias_weight_decays=(1e-4, 1e-4)),
        BEST_CONSTANT: on_data(_SHALLOW, Samples(_LABELS.x, np.ones((8, 1)))),
    },
    exempt=implied_by(on.SOME_HIDDEN, FREE_BIASES),
    conclusions=follows(Property.SPURIOUS_MINIMA_EXIST, provided=(BEATEN,)),
    caution="decayed hidden biases are pulled to zero, where units wake up",
    page=PROOFS,
)

THEOREMS: Final = (COLLAPSE, SILENCE)
