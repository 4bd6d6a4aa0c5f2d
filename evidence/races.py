"""Races on Diabetes with 2, 3 and 4 hidden layers: theory, this engine, and the optimisers of PyTorch."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import binomtest, fisher_exact, ks_2samp

from evidence.races_picture import Bar, draw
from evidence.races_torch import INITIALISERS, drawn, final_losses, torch
from service.core.dispatch import solve
from service.core.dynamics.initialisations import start
from service.core.dynamics.races import OUTCOMES, RaceRuns, race, wilson_interval
from service.core.dynamics.target import Target, target_of
from service.core.dynamics.training import NEAR, TrainingOptions
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.problems import Problem, shapes_of
from service.operations.mapping import problem as problem_mapping
from service.schemas.problem import ProblemDocument
from service.settings import Limits
from service.vocabulary import Initialisation, Optimiser, Outcome

DEPTHS: Final = (2, 3, 4)
DECAY: Final = 0.05
RUNS: Final = 20
STEPS: Final = 4000
SEED: Final = 7
LEVEL: Final = 0.05
WIDTH: Final = 8
SIDES: Final = ("PyTorch, same starts", "PyTorch, its own starts")
COLUMNS: Final = (
    *("hidden layers", "starts", "norm of the weights", "trapping radius", "theory", "optimiser"),
    *("reached the minimum", *SIDES, "p", "where runs ended"),
)
ADAMW_COLUMNS: Final = ("hidden layers", "starts", "median gap", *SIDES, "largest difference of a run", "p")


@dataclass(frozen=True, slots=True)
class Cell:
    """One optimiser from one scheme at one depth, here and under PyTorch.

    Attributes
    ----------
    depth : int
        Hidden layers.
    scheme, optimiser
    radius : float or None
        Starts whose weights have a smaller norm are proved trapped.
    found : RaceRuns
    same, own : (runs,) arrays
        Relative gaps of PyTorch from the same starts, and from starts that it drew itself (empty where it cannot).
    """

    depth: int
    scheme: Initialisation
    optimiser: Optimiser
    radius: float | None
    found: RaceRuns
    same: FloatArray
    own: FloatArray

    @property
    def successes(self) -> BoolArray:
        """Which runs reached the minimum."""
        reached: BoolArray = self.found.outcome == OUTCOMES.index(Outcome.MINIMUM)
        return reached

    @property
    def trapped(self) -> int:
        """Number of runs that gradient flow is proved to lead to the origin."""
        return int(self.found.trapped.sum())

    def counts(self) -> list[tuple[int, int] | None]:
        """Successes and runs: here, under PyTorch from the same starts, and from its own."""
        sides = [int(self.successes.sum()), *(int(np.count_nonzero(gaps <= NEAR[0])) for gaps in (self.same, self.own))]
        sizes = [self.successes.size, self.same.size, self.own.size]
        return [(count, size) if size else None for count, size in zip(sides, sizes, strict=True)]

    def tests(self) -> list[float]:
        """P-values of equality with PyTorch: same starts, then its own."""
        if self.optimiser is Optimiser.ADAMW:
            gaps = [gaps for gaps in (self.same, self.own) if gaps.size]
            return [float(ks_2samp(self.found.gap, other).pvalue) for other in gaps]
        here, there = self.successes, self.same <= NEAR[0]
        only = int(np.count_nonzero(here & ~there)), int(np.count_nonzero(there & ~here))
        # McNemar's exact test: without a difference either side wins a discordant pair with probability 1/2
        values = [float(binomtest(only[0], sum(only)).pvalue) if any(only) else 1.0]
        if self.own.size:
            drew = int(np.count_nonzero(self.own <= NEAR[0]))
            table = np.array([[here.sum(), drew], [here.size - here.sum(), self.own.size - drew]])
            values.append(float(fisher_exact(table).pvalue))
        return values


def diabetes(depth: int) -> Problem:
    """``depth`` hidden layers of width 8 on the bundled Diabetes data."""
    hidden = {"width": WIDTH, "weight_decay": DECAY}
    wire = {
        "network": {"layers": [*([hidden] * depth), {"width": 1, "weight_decay": DECAY}]},
        "data": {"kind": "example", "name": "diabetes"},
    }
    return problem_mapping.to_core(ProblemDocument.model_validate(wire), Limits()).core


def cells_of(depth: int) -> list[Cell]:
    """Every scheme and optimiser at one depth."""
    problem = diabetes(depth)
    target = target_of(problem, solve(problem))
    return [_cell(problem, target, depth, scheme, optimiser) for scheme in Initialisation for optimiser in Optimiser]


def _cell(problem: Problem, target: Target, depth: int, scheme: Initialisation, optimiser: Optimiser) -> Cell:
    # the least of the default rates of all runs, since PyTorch has one rate for all
    rates = race(problem, target, optimiser, scheme, range(RUNS), TrainingOptions(1, seed=SEED)).learning_rate
    rate = float(rates.min())
    options = TrainingOptions(STEPS, learning_rate=rate or None, seed=SEED)
    found = race(problem, target, optimiser, scheme, range(RUNS), options)
    first = start(problem.network, problem.data.inputs, scheme, SEED, range(RUNS))
    if scheme in INITIALISERS:
        own = drawn(scheme, shapes_of(problem.network, problem.data.inputs), RUNS, SEED)
        first = [np.concatenate(pair) for pair in zip(first, own, strict=True)]
    gaps = target.relative_gap(final_losses(problem, optimiser, first, rate, DECAY, STEPS, SEED))
    cell = Cell(depth, scheme, optimiser, target.escape_norm, found, gaps[:RUNS], gaps[RUNS:])
    if optimiser is Optimiser.GD and bool((found.trapped & cell.successes).any()):
        raise AssertionError(f"depth {depth}, {scheme}: gradient descent left the trapping radius with a small step")
    return cell


def _checked(cells: list[Cell]) -> tuple[int, float]:
    """Number and least p-value of the tests; raises where equality is refused."""
    tests = [(value, cell) for cell in cells for value in cell.tests()]
    least, worst = min(tests, key=lambda item: item[0])
    if least < LEVEL / len(tests):
        raise AssertionError(
            f"depth {worst.depth}, {worst.scheme}, {worst.optimiser}: PyTorch differs, p = {least:.1e}"
        )
    return len(tests), least


def _rate(count: tuple[int, int] | None) -> str:
    if count is None:
        return "-"
    low, high = wilson_interval(*count)
    return f"{count[0]}/{count[1]} ({low:.2f} to {high:.2f})"


def _theory(cell: Cell) -> str:
    norms = cell.found.start_norm
    inside = f"{cell.trapped} of {RUNS} trapped" if cell.trapped else "none trapped"
    return f"{norms.min():.2f} to {norms.max():.2f} | {cell.radius:.3f} | {inside}"


def _row(cell: Cell) -> str:
    rates = " | ".join(map(_rate, cell.counts()))
    codes = cell.found.outcome.tolist()
    ended = ", ".join(f"{codes.count(code)} {one}" for code, one in enumerate(OUTCOMES) if code in codes)
    head = f"| {cell.depth} | {cell.scheme} | {_theory(cell)} | {cell.optimiser} |"
    return f"{head} {rates} | {min(cell.tests()):.2g} | {ended} |"


def _decoupled(cell: Cell) -> str:
    median = [f"{np.median(gaps):.4f}" if gaps.size else "-" for gaps in (cell.found.gap, cell.same, cell.own)]
    apart = float(np.abs(cell.found.gap - cell.same).max())
    return f"| {cell.depth} | {cell.scheme} | {' | '.join(median)} | {apart:.1e} | {min(cell.tests()):.2g} |"


def _apart(cells: list[Cell], optimiser: Optimiser) -> float:
    """Largest difference of a run's gap here and under PyTorch from the same start."""
    return max(float(np.abs(cell.found.gap - cell.same).max()) for cell in cells if cell.optimiser is optimiser)


def _heading(columns: tuple[str, ...]) -> str:
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def report() -> str:
    """Race, compare, tabulate and draw."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    cells = [cell for depth in DEPTHS for cell in cells_of(depth)]
    count, least = _checked(cells)
    shared = [cell for cell in cells if cell.optimiser is not Optimiser.ADAMW]
    decoupled = [cell for cell in cells if cell.optimiser is Optimiser.ADAMW]
    draw([Bar(cell.depth, cell.scheme, cell.optimiser, cell.trapped, cell.counts()) for cell in shared])
    rows, others = "\n".join(map(_row, shared)), "\n".join(map(_decoupled, decoupled))
    return f"""
Diabetes (442 patients, 10 inputs) with 2, 3 and 4 **hidden layers** of width {WIDTH}, so 3, 4 and 5 weight matrices,
each with decay {DECAY}; {RUNS} starts a scheme (seed {SEED}), {STEPS} steps. A run succeeds within 1e-3 (relative) of
the exact minimum; intervals are Wilson's at 95 %. PyTorch {torch.__version__} trains the same starts, and where it has
the initialiser (`torch.nn.init`) as many that it draws itself, by its own autograd and optimisers at the same learning
rates: one a cell, the least of the engine's defaults.

![Success rates](../images/races.png)

*Theory*: a start whose weights have a norm below the trapping radius is **proved** to flow to the origin; above it
theory says nothing. The proof is about gradient flow, so it binds gradient descent (asserted here, run by run) and not
the long first steps of Adam or of a line search. Rates are **observed**.

**Equality.** McNemar's exact test for the same starts (runs that only one side brought to the minimum), Fisher's exact
test for starts of PyTorch's own, the Kolmogorov-Smirnov test for the gaps of AdamW: {count} tests, equality refused at
{LEVEL:g}/{count} each, so at {LEVEL:.0%} for all (Bonferroni). The least p-value was {least:.2g}: none is refused.
`p` is the smaller of a row's p-values. With {RUNS} runs the tests see only large differences; but from the same start,
and where nothing is sampled or searched, the relative gaps of a run of gradient descent here and there differ by at
most {_apart(cells, Optimiser.GD):.1e}, and of Adam by at most {_apart(cells, Optimiser.ADAM):.1e}.

{_heading(COLUMNS)}
{rows}

Runs that are `unfinished` move on slowly: with a constant rate set by a large start, the part of the weights that does
not move the output shrinks by decay alone.

**AdamW** shrinks weights beside the gradient, so it rests elsewhere than at a minimum of the objective: each of its
{len(decoupled) * RUNS} runs is reported as `different_objective`, neither success nor failure. The gap is the relative
distance of the objective from its minimum at the end.

{_heading(ADAMW_COLUMNS)}
{others}
"""
