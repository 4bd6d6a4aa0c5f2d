"""What is proved about frozen layers, skips and weighted errors."""

import numpy as np

from service.core.ground import examples
from service.core.ground.problems import Layer, Network, Problem, Skip
from service.core.ground.rules import Hypothesis, Judgement, Theorem
from service.core.reductions.table import needs_reduction, reduce
from service.vocabulary import SkipKind, TheoremStatus


def _reducible(problem: Problem) -> Judgement:
    if not needs_reduction(problem):
        return Judgement(False, {"parts": 0}, "there is no frozen layer, no skip and no weight of the error")
    found = reduce(problem)
    if isinstance(found, str):
        return Judgement(False, {}, found)
    return Judgement(True, {"steps": len(found.steps)})


REDUCIBLE = Hypothesis("every frozen layer, skip and weight of the error can be removed", _reducible)

_FROZEN = Layer(2, frozen_weights=np.array([[1.0, 0.5], [0.0, 2.0]]))
_HOLDS = Problem(Network((_FROZEN, Layer(2, weight_decay=0.1), Layer(2, weight_decay=0.1))), examples.moments(2))
_DIAGONAL = Problem(Network((Layer(2), Layer(2)), skips=(Skip(0, 2, SkipKind.DIAGONAL),)), examples.moments(2))

LINEAR_REDUCTIONS = Theorem(
    id="linear-reductions",
    title="Frozen layers, skips and weighted errors that leave a plain network with the same minimum",
    statement=(
        "A frozen first layer makes new inputs; one behind a trained layer goes into a neighbour if its singular "
        "values are equal, the neighbour has no decay or the map has rank one; an identity from input to output "
        "makes the targets y - x; a skip of decay g there changes xx to g xx (xx + g)^-1 and xy to "
        "g (xx + g)^-1 xy; a skip without decay replaces the layers it leads around; weights of outputs are a "
        "frozen last layer."
    ),
    source="derived in docs/theory/reductions.md",
    status=TheoremStatus.PROVED,
    hypotheses=(REDUCIBLE,),
    page="docs/theory/reductions.md",
    holds=_HOLDS,
    breaks={REDUCIBLE.name: _DIAGONAL},
)

THEOREMS = (LINEAR_REDUCTIONS,)
