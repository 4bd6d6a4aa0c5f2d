"""The two roles of the search for a minimum, kept apart: who finds it and who proves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from service.core.ground.problems import Problem
from service.core.ground.results import Certificate, Solution
from service.core.ground.rules import Hypothesis
from service.vocabulary import Model, Status


class Search(Enum):
    """Problems with several outputs whose minimum has no closed form."""

    WITH_NOISE = auto()
    WITH_DECAY = auto()
    THROUGH_ONE_UNIT = auto()


def numbers_of_factors(problem: Problem) -> int:
    """Numbers of weights in factored form: for each unit one a singular value, which a single output does not need."""
    network = problem.network
    widths = network.hidden_widths
    values = min([problem.data.inputs, network.outputs, *widths])
    biased = sum(network.layers[index].width for index in network.bias_layers)
    return biased + (0 if network.outputs == 1 else 2 * values * sum(widths))


@dataclass(frozen=True, slots=True)
class Solver:
    """A closed form or certified method.

    Law: where every hypothesis holds, ``solve`` returns the global minimum (or the infimum with
    ``attained=False``); if ``status`` is ``exact`` the value is a closed form or the root of one scalar
    equation, if ``certified`` it is numeric and only its certificate says how good it is.

    Attributes
    ----------
    name : str
    theorems : tuple of str
        Ids of the catalogue rows that it rests on.
    status : Status
        What the answer may be called when its certificate holds.
    hypotheses : tuple of Hypothesis
    solve : callable
    one_curve : bool
        Whether every candidate map lies on the curve of one-output networks.  Losses on spheres, points of
        sub-networks, tables for sweeps, stacks of problems and weights of stationary points then follow from it.
    numbers : callable
        How many numbers it holds at once, to within a small factor; `problem.most_numbers` is compared with this before
        it starts.
    seconds : callable or None
        What its search takes on one core, to within a small factor, by the widths from the inputs to the outputs; None
        where reading the problem takes longer.
    on_samples : bool
        Whether the loss is none of moments, so that nothing of its answers can be recomputed from these.
    without_thresholds : callable or None
        ``solve`` for those who ask for many minima and no thresholds, where these take longer than the minimum.
    searches : Search or None
        Which problems are left to it where no faster solver applies, so that it bounds what such a problem may take.
    """

    name: str
    theorems: tuple[str, ...]
    status: Status
    hypotheses: tuple[Hypothesis, ...]
    solve: Callable[[Problem], Solution]
    one_curve: bool = False
    numbers: Callable[[Problem], int] = numbers_of_factors
    seconds: Callable[[Sequence[int]], float] | None = None
    searches: Search | None = None
    on_samples: bool = False
    without_thresholds: Callable[[Problem], Solution] | None = None


@dataclass(frozen=True, slots=True)
class ModelSolver:
    """The solver of a model that is not a network on data alone, and so is not asked for in the order of `Solver`.

    Attributes
    ----------
    name : str
        As answers bear it.
    theorems : tuple of str
    model : Model
        Whose problems it solves, and nobody else does.
    """

    name: str
    theorems: tuple[str, ...]
    model: Model


Certifier: TypeAlias = Callable[[Problem, Solution], Certificate]
"""Computes bounds and checks from the problem and the returned weights alone; imports no solver."""
