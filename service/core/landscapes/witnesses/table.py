"""The witnesses that exist for a problem: the table of constructions, and which rule calls for which."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from service.core.ground.problems import Problem
from service.core.ground.rules import Tristate
from service.core.landscapes.verdicts import Applied
from service.core.landscapes.witnesses.augmented import added_neuron
from service.core.landscapes.witnesses.bottleneck import weighted_bottleneck
from service.core.landscapes.witnesses.cells import affine_cell, dead_units
from service.core.landscapes.witnesses.checks import verify
from service.core.landscapes.witnesses.claims import Construction
from service.core.landscapes.witnesses.collapse import held_by_decay, silent_under_decay
from service.core.landscapes.witnesses.convex_relu import certified_minimum
from service.core.landscapes.witnesses.duplicates import split_neuron
from service.core.landscapes.witnesses.enumeration import enumerated
from service.core.landscapes.witnesses.infinity import growing_output
from service.core.landscapes.witnesses.objective import is_known, is_noisy
from service.core.landscapes.witnesses.origins import decayed_origin, escape, flat_origin
from service.core.landscapes.witnesses.point_checks import Verified
from service.core.landscapes.witnesses.silent import silent_units
from service.core.landscapes.witnesses.tangent_kernel import contracting
from service.core.landscapes.witnesses.wide import path_down
from service.vocabulary import Loss

Builder = Callable[[Problem], Construction | None]
SQUARED: Final = frozenset({Loss.SQUARED})
TAILED: Final = frozenset({Loss.LOGISTIC, Loss.EXPONENTIAL, Loss.CROSS_ENTROPY})
WEIGHTED: Final = frozenset({Loss.WEIGHTED_SQUARED})
UNWEIGHTED: Final = SQUARED | TAILED


@dataclass(frozen=True, slots=True)
class Row:
    """A construction and when it is tried.

    Attributes
    ----------
    build : callable
    rules : frozenset of str
        Rules any of which must apply; empty where the construction itself looks at the problem.
    losses : frozenset of Loss
    undecided : bool
        Whether a rule may also have hypotheses that no problem decides.
    noisy : bool
        Whether it knows networks with noise; the rules behind all others do not.
    """

    build: Builder
    rules: frozenset[str]
    losses: frozenset[Loss] = SQUARED
    undecided: bool = False
    noisy: bool = False


CONSTRUCTIONS: Final[tuple[Row, ...]] = (
    Row(affine_cell, frozenset({"R34", "R36"})),
    Row(dead_units, frozenset({"R39"})),
    Row(split_neuron, frozenset({"R37"}), undecided=True),
    Row(decayed_origin, frozenset(), noisy=True),
    Row(flat_origin, frozenset({"R08c"})),
    Row(escape, frozenset({"R08b"})),
    Row(path_down, frozenset({"R24"})),
    Row(growing_output, frozenset({"R46"}), losses=TAILED),
    Row(added_neuron, frozenset({"R34", "R36", "R37", "R39"}), undecided=True),
    Row(enumerated, frozenset({"R15"})),
    Row(weighted_bottleneck, frozenset(), losses=WEIGHTED),
    Row(certified_minimum, frozenset()),
    Row(contracting, frozenset({"R49"}), undecided=True),
    Row(silent_units, frozenset({"R39b"}), losses=UNWEIGHTED),
    Row(held_by_decay, frozenset({"R56"}), losses=UNWEIGHTED | WEIGHTED),
    Row(silent_under_decay, frozenset({"R57"}), losses=UNWEIGHTED | WEIGHTED),
)
"""Witnesses W1 to W16, in order."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A construction with what its verification found."""

    construction: Construction
    verified: Verified


def witnesses(problem: Problem, rules: Iterable[Applied]) -> tuple[Witness, ...]:
    """Every witness that can be constructed for the problem, verified or refuted by its numbers.

    They need samples and a loss that can be computed: no network with skips or convolutions has one, and under noise
    linear ones only.
    """
    network = problem.network
    shared = any(layer.convolution is not None for layer in network.layers)
    if problem.samples is None or network.skips or shared or not is_known(problem):
        return ()
    answers = {item.theorem.id: item.applies for item in rules}
    rows = [row for row in CONSTRUCTIONS if row.noisy or not is_noisy(network)]
    found = [row.build(problem) for row in rows if problem.loss in row.losses and _called_for(row, answers)]
    return tuple(Witness(item, verify(problem, item)) for item in found if item is not None)


def _called_for(row: Row, answers: Mapping[str, Tristate]) -> bool:
    if not row.rules:
        return True
    return any(answers[rule] is True or (row.undecided and answers[rule] is None) for rule in row.rules)
