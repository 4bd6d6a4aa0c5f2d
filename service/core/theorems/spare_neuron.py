"""One neuron more than the data have features: connected sublevel sets."""

from typing import Final

from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import ALWAYS_CONVEX, PROOFS, case, follows, row, with_widths
from service.core.landscapes.features import feature_dimension_of
from service.core.landscapes.wide_conditions import DATA
from service.vocabulary import Activation, Bias, Property, TheoremStatus


def _spare(problem: Problem) -> Judgement:
    width = problem.network.hidden_widths[0] if problem.network.hidden_widths else 0
    found = feature_dimension_of(problem, width)
    if found is None:
        return on.unknown(on.SAMPLES_NEEDED, width=width)
    numbers = {"width": width, "dimension_at_most": found.upper}
    if width > found.upper:
        return on.judged(True, "", **numbers)
    if width <= found.lower:
        reason = "no neuron more than the features of the data"
        return on.judged(False, reason, dimension_at_least=found.lower, **numbers)
    return on.unknown("between the bounds on the feature dimension", dimension_at_least=found.lower, **numbers)


SPARE = Hypothesis("more neurons than the feature dimension", _spare)
_WIDE = case((7, 1), DATA, activation=Activation.TANH, bias=Bias.ALL)

CONNECTED = row(
    "R24b",
    "One neuron more than the data have features: connected sublevel sets",
    "With one hidden layer and d_1 > r = dim span {(s(w.x_i + b))_i} every sublevel set of a convex loss is connected. "
    "At constant outputs the features of r neurons become independent; the output weights move to a common output, "
    "along which J is convex; then the spare neuron, without output weights, takes the place of the others one by "
    "one, until the input weights are any that are wanted.",
    "derived; Nguyen 2021 (arXiv 2101.08576) for n + 1 neurons",
    TheoremStatus.PROVED,
    (*on.PLAIN, on.CONVEX_LOSS, on.ONE_HIDDEN, SPARE),
    _WIDE,
    breaks={SPARE: with_widths(_WIDE, 2), on.ONE_HIDDEN: with_widths(_WIDE, 7, 7)},
    exempt=ALWAYS_CONVEX,
    conclusions=follows(Property.SUBLEVEL_SETS_CONNECTED),
    caution="as many neurons as features are not enough; flat bad minima are possible all the same",
    page=PROOFS,
)

THEOREMS: Final = (CONNECTED,)
