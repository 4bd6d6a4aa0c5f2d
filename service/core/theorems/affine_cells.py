"""Piecewise linear units that are all active: the best affine map is a local minimum, under any loss and outputs."""

from typing import Final

from service.core.ground.problems import Problem
from service.core.ground.rules import Fact, Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import PROOFS, case, follows, implied_by, row, samples, with_layer, with_widths
from service.core.landscapes.networks.affine import best_affine_loss
from service.core.landscapes.networks.trained import below
from service.vocabulary import Activation, Bias, Property, TheoremStatus

STARTS: Final = 12


def _can_be_active(problem: Problem) -> Judgement:
    hidden = on.hidden_of(problem)
    holds = all(layer.activation in (Activation.RELU, Activation.LEAKY_RELU) for layer in hidden)
    return on.judged(holds, "a hidden activation is not piecewise linear")


def _as_wide(problem: Problem) -> Judgement:
    inputs, network = on.inputs_of(problem), problem.network
    least = min(network.hidden_widths, default=0)
    if inputs is None and least < network.outputs:
        return on.unknown(on.INPUTS_UNKNOWN, least_hidden_width=least)
    needed = network.outputs if inputs is None else min(inputs, network.outputs)
    reason = "a hidden layer is narrower than inputs and outputs: it carries no affine map of full rank"
    return on.judged(least >= needed, reason, least_hidden_width=least, needed=needed)


def _beaten(problem: Problem) -> Judgement:
    affine = best_affine_loss(problem)
    if affine is None:
        return on.unknown("no best affine map is known")
    found = below(problem, affine, starts=STARTS)
    numbers: dict[str, Fact] = {"loss_of_affine_map": affine}
    if found is None:
        return on.unknown("no network below the best affine map was found", **numbers)
    return on.judged(True, "", loss_found=found[1], **numbers)


CAN_BE_ACTIVE = Hypothesis("piecewise linear activations", _can_be_active)
AS_WIDE = Hypothesis("hidden layers as wide as inputs or outputs", _as_wide)
BEATEN = Hypothesis("a network below the best affine map", _beaten)
_DATA = samples(9, 2, 2)
_CASE = case((4, 2), _DATA, activation=Activation.LEAKY_RELU, slope=0.1, bias=Bias.ALL)

AFFINE = row(
    "R36b",
    "All units active: the best affine map is a local minimum",
    "With large biases every unit of piecewise linear activation is active on all samples, and networks near such a "
    "point are affine on the data. If no hidden layer is narrower than min(d_x, d_y), the output bias takes off what "
    "the others add, and the best affine map, where there is one, is a local minimum for any convex loss and number of "
    "outputs. It is bad where some network lies below it.",
    "derived; Yun, Sra, Jadbabaie 2019 and Christof, Kowalczyk 2022 for one output and squared loss",
    TheoremStatus.PROVED,
    (*on.PLAIN, on.SOME_HIDDEN, on.ALL_BIASED, CAN_BE_ACTIVE, AS_WIDE),
    _CASE,
    breaks={
        CAN_BE_ACTIVE: with_layer(_CASE, 0, activation=Activation.TANH, slope=None),
        AS_WIDE: with_widths(_CASE, 1),
    },
    exempt=implied_by(on.SOME_HIDDEN, AS_WIDE),
    conclusions=follows(Property.SPURIOUS_MINIMA_EXIST, provided=(BEATEN,)),
    caution="separable classes have no best affine map",
    page=PROOFS,
)

THEOREMS: Final = (AFFINE,)
