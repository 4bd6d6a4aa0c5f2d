"""Answers on raw data against exact arithmetic: over two thousand problems, nothing beyond a bound."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from tests.support.raw_runs import FELT_PENALTY, WELL_CONDITIONED, must_close, run
from tests.support.raw_scan import ALL_KINDS, FORMS, scan_problem

PROBLEMS: Final = 2400
IMAGE: Final = Path(__file__).parent.parent / "docs" / "images" / "raw-scan.png"
CONDITIONS: Final = (1.0, 1e3, 1e5, 1e7, 1e9, 1e12, np.inf)
PENALTIES: Final = (0.0, 1e-300, 1e-16, 1e-12, 1e-8, np.inf)
"""No decay stands alone; what lies below the next edge is next to none."""
SHOWN: Final = 3


@dataclass(frozen=True)
class Outcome:
    """One problem of the scan, without its data."""

    seed: int
    kind: str
    form: str
    condition: float
    penalty: float
    status: str
    closed: bool
    gap: float
    error: float
    limited: bool
    exempt: bool
    failures: dict[str, str]


def outcome(seed: int) -> Outcome:
    """Ask for one minimum and compare."""
    problem = scan_problem(seed)
    found = run(problem)
    gap = error = np.inf
    if found.answer is not None and problem.truth is not None:
        gap = found.answer["certificate"]["relative_gap"]
        size = max(float(problem.truth), 1e-6 * float(problem.variance))
        off = abs(found.answer["global_minimum"]["loss"] - float(problem.truth))
        error = off / size if size else off
    return Outcome(
        seed=seed,
        kind=problem.kind,
        form=problem.data.document()["kind"],
        condition=problem.condition,
        penalty=problem.penalty,
        status=found.status,
        closed=found.closed,
        gap=gap,
        error=error,
        limited=found.norm_limit is not None,
        exempt=not must_close(problem) and (problem.condition < WELL_CONDITIONED or problem.penalty > FELT_PENALTY),
        failures=dict(found.failures),
    )


def contradictions(outcomes: Iterable[Outcome]) -> str:
    """Every broken law, how often, and the first seeds; empty if there is none."""
    broken: dict[str, list[str]] = {}
    for each in outcomes:
        for law, figures in each.failures.items():
            broken.setdefault(law, []).append(f"{each.seed}, {each.kind}, {each.form}: {figures}")
    lines = []
    for law, places in sorted(broken.items()):
        lines.append(f"{law}: {len(places)}")
        lines += [f"  seed {place}" for place in places[:SHOWN]]
    return "\n".join(lines)


def region(outcomes: Sequence[Outcome], row: int, column: int) -> list[Outcome]:
    """The problems between two edges of the scaled condition and two of the penalty."""
    low, high = PENALTIES[row : row + 2]
    left, right = CONDITIONS[column : column + 2] if column < len(CONDITIONS) - 1 else (np.inf, np.inf)
    return [
        each
        for each in outcomes
        if (low <= each.penalty < high or each.penalty == high == np.inf)
        and (left <= each.condition < right or each.condition == left == np.inf)
    ]


def picture(outcomes: Sequence[Outcome]) -> None:
    """Every problem by scaled condition and penalty, and whether its gap was closed."""
    states = (
        ("closed", "tab:blue", [each for each in outcomes if each.closed and not each.limited]),
        ("closed up to a norm", "tab:green", [each for each in outcomes if each.closed and each.limited]),
        ("left open", "tab:orange", [each for each in outcomes if not each.closed]),
    )
    dependent, none = 1e15, 1e-22
    with mpl.rc_context({"font.size": 8}):
        figure, axes = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
        for label, colour, own in states:
            x = np.clip([each.condition for each in own], 1.0, dependent)
            y = np.clip([each.penalty for each in own], none, 1e4)
            axes.scatter(x, y, s=6, color=colour, label=f"{label} ({len(own)})", linewidths=0)
        axes.axvline(WELL_CONDITIONED, color="grey", lw=0.7)
        axes.plot([WELL_CONDITIONED, 2 * dependent], [FELT_PENALTY] * 2, color="grey", lw=0.7)
        axes.set(xscale="log", yscale="log", xlabel="scaled condition of the inputs (right edge: dependent)")
        axes.set_ylabel("penalty in scaled coordinates (bottom: none)")
        figure.legend(loc="outside lower center", ncols=3)
        IMAGE.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(IMAGE, dpi=110, metadata={"Software": None})
        plt.close(figure)


def _share(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(each.closed for each in outcomes)} of {len(outcomes)}" if outcomes else ""


def _regions(outcomes: Sequence[Outcome]) -> str:
    edges = [f"{low:.0e} to {high:.0e}" for low, high in pairwise(CONDITIONS[:-1])]
    heads = [*edges, f"above {CONDITIONS[-2]:.0e}", "dependent"]
    names = ["no decay", "below 1e-16", "1e-16 to 1e-12", "1e-12 to 1e-8", "above 1e-8"]
    lines = [f"| penalty | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for row, name in enumerate(names):
        shares = [_share(region(outcomes, row, column)) for column in range(len(heads))]
        lines.append(f"| {name} | {' | '.join(shares)} |")
    return "\n".join(lines)


def _kinds(outcomes: Sequence[Outcome]) -> str:
    lines = ["| inputs | form | problems | closed | largest gap closed | largest error of the loss | up to a norm |"]
    lines.append("|---|---|---|---|---|---|---|")
    for kind in ALL_KINDS:
        for form in FORMS:
            own = [each for each in outcomes if (each.kind, each.form) == (kind, form)]
            closed = [each for each in own if each.closed]
            if not closed:
                continue
            lines.append(
                f"| {kind} | {form} | {len(own)} | {len(closed)} | {max(each.gap for each in closed):.1e} | "
                f"{max(each.error for each in closed):.1e} | {sum(each.limited for each in own)} |"
            )
    return "\n".join(lines)


def report() -> str:
    """Ask about every problem; raise on any contradiction."""
    outcomes = [outcome(seed) for seed in range(PROBLEMS)]
    broken = contradictions(outcomes)
    if broken:
        raise AssertionError(f"{PROBLEMS} problems\n{broken}")
    picture(outcomes)
    statuses = ", ".join(f"{count} {status}" for status, count in Counter(each.status for each in outcomes).items())
    limited = [each.condition for each in outcomes if each.limited]
    least = (
        f"the least scaled condition among these is {min(limited):.1e}" if limited else "which is what was hoped for"
    )
    may_stay = [each for each in outcomes if each.exempt]
    hidden = f"{sum(not each.closed for each in may_stay)} of {len(may_stay)}"
    return f"""
{PROBLEMS} problems with zero to two hidden layers, with and without an output bias, 5 to 100,000 samples of up to seven
inputs, as samples, moments or factors, without decay or with decays from 1e-12 to 1e-1. Inputs are graded (units up to
twelve decades apart), rotated (the same, along no axis), offset (up to 1e9 of what they vary), near-duplicates (up to
the twelfth digit) or aligned (orthogonal, with several outputs); every direction, the weakest too, carries a part of
the targets. The truth is least squares in rational numbers, the secular equation in 100 digits, or closed forms of the
rank and the nuclear norm, on the very numbers that were sent; the objective at the returned weights is computed in
rationals as well.

**No lower bound is above the truth, no upper bound below the objective at the returned weights, no gap negative, no
loss negative or other than that of the weights, and every problem got an answer:** {statuses}.

Gaps closed by scaled condition (columns centred where there is a bias, scaled to unit norm) and by penalty
`min_j p / t_j^2` (the convex penalty at the minimum against the squared norm of each column). Raw moments of a column
with an offset tell its variance to fewer digits: their scaled condition counts as larger by offset / deviation. Every
gap below {WELL_CONDITIONED:.0e} or above {FELT_PENALTY:.0e} is closed; only where a
hundred roundings of raw moments with an offset hide the penalty may one stay open ({hidden} are):

{_regions(outcomes)}

![Every problem by scaled condition and penalty](../images/raw-scan.png)

{_kinds(outcomes)}

Errors are relative to the loss, at least to 1e-6 of the variance of the targets. A bound that holds for maps of bounded
norm only appeared {len(limited)} times, never with decay; {least}.
"""
