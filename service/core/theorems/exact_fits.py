"""An exact fit of all samples, proved to exist near weights that a search finds: the least squared loss is attained."""

from typing import Final

from service.core.ground.problems import Problem
from service.core.ground.rules import Hypothesis, Judgement
from service.core.landscapes import hypotheses as on
from service.core.landscapes.cases import PROOFS, case, follows, row, with_loss
from service.core.landscapes.networks.exact_fit import exact_fit_of
from service.core.landscapes.wide_conditions import DATA, SQUARED_ERRORS
from service.vocabulary import Activation, Bias, Loss, Property, TheoremStatus


def _fitted(problem: Problem) -> Judgement:
    found = exact_fit_of(problem)
    if found is None:
        return on.unknown("no exact fit was found")
    return on.judged(True, "", contraction=found.contraction, radius=found.radius, largest_error=found.error)


FITTED = Hypothesis("an exact fit", _fitted)
_TANH = case((3, 3, 1), DATA, activation=Activation.TANH, bias=Bias.ALL)

FIT = row(
    "R63",
    "A network fits all samples exactly: the least squared loss is attained",
    "Let weights fit all samples but for small errors e, and let R be a right inverse of the Jacobian of the outputs. "
    "If |1 - f'(t) R| <= q < 1 for all t = theta + R u with |u| <= r and |e| <= (1 - q) r, in the largest norm, then "
    "u -> u - (f(theta + R u) - y) contracts the cube and has a fixed point: an exact fit, of loss zero. The "
    "derivative is enclosed over the cube, rounding included.",
    "derived; Krawczyk 1969",
    TheoremStatus.PROVED,
    (*on.PLAIN, SQUARED_ERRORS, on.CONSISTENT_TARGETS),
    _TANH,
    breaks={SQUARED_ERRORS: with_loss(_TANH, Loss.EXPONENTIAL)},
    conclusions=follows(Property.MINIMUM_ATTAINED, provided=(FITTED,)),
    caution="where none is found nothing follows",
    page=PROOFS,
)

THEOREMS: Final = (FIT,)
