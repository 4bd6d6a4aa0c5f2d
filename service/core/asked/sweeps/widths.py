"""The same problem at several widths, and the widths at which the theorems of the catalogue change their verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.core.catalogue import LANDSCAPE_RULES
from service.core.ground.problems import Problem
from service.core.landscapes.verdicts import apply, rulings
from service.vocabulary import Evidence, Property

MARKED = (Property.NO_SPURIOUS_LOCAL_MINIMA, Property.NO_SPURIOUS_VALLEYS, Property.SUBLEVEL_SETS_CONNECTED)
UNRELATED = frozenset({Property.MINIMUM_ATTAINED, Property.DESCENT_PATH_TO_INFINITY, Property.ALL_SADDLES_STRICT})
"""Properties from which nothing follows for the marked ones."""

RULES = tuple(
    rule for rule in LANDSCAPE_RULES if any(conclusion.about not in UNRELATED for conclusion in rule.conclusions)
)
"""Those that may decide a marked property: others may search, at every width, for what is not asked here."""


@dataclass(frozen=True, slots=True)
class WidthMark:
    """The first of some widths at which a verdict holds.

    Attributes
    ----------
    width : int
    about : Property
    value : bool
    evidence : Evidence
    because : tuple of str
        Ids of the theorems that decide.
    """

    width: int
    about: Property
    value: bool
    evidence: Evidence
    because: tuple[str, ...]


def with_width(problem: Problem, width: int) -> Problem:
    """The problem with this width in every hidden layer, and without facts remembered of other widths."""
    network = problem.network
    hidden = tuple(replace(layer, width=width) for layer in network.layers[:-1])
    return replace(problem, network=replace(network, layers=(*hidden, network.layers[-1])))


def width_marks(problem: Problem, widths: Sequence[int]) -> tuple[WidthMark, ...]:
    """Where verdicts change along ascending widths: an entry for the first width at which each value is known.

    O(rules) for each width.
    """
    marks = []
    known: dict[Property, bool | None] = dict.fromkeys(MARKED)
    for width in widths:
        found = rulings(apply(RULES, with_width(problem, width)), ())
        for about in MARKED:
            ruling = found[about]
            if ruling.value is not None and ruling.evidence is not None and ruling.value is not known[about]:
                marks.append(WidthMark(width, about, ruling.value, ruling.evidence, tuple(ruling.because)))
            known[about] = ruling.value
    return tuple(marks)
