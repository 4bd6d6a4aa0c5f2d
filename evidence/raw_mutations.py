"""Raw data: with a fault in the arithmetic the laws break, one fault at a time."""

from collections import Counter
from typing import Final

from tests.support.raw_data import Rows
from tests.support.raw_mutations import MUTATIONS, broken_laws, mutated
from tests.support.raw_problems import RawProblem
from tests.support.raw_scan import scan_problem

PROBLEMS: Final = 300
MOST_SAMPLES: Final = 300
"""Larger problems of the scan are left out: their slopes are summed in rational numbers."""
BOUNDS: Final = frozenset({"bound above truth", "upper bound below truth", "upper bound below weights"})


def _small(problem: RawProblem) -> bool:
    return not isinstance(problem.data, Rows) or len(problem.data.x) <= MOST_SAMPLES


def _laws(problems: list[RawProblem]) -> tuple[int, int, Counter[str]]:
    """Problems with any broken law, with a false bound, and how often each law is broken."""
    found = [broken_laws(problem) for problem in problems]
    laws = Counter(law for each in found for law in each)
    return sum(map(bool, found)), sum(bool(BOUNDS & set(each)) for each in found), laws


def report() -> str:
    """Count broken laws without and with each fault."""
    problems = [problem for problem in map(scan_problem, range(PROBLEMS)) if _small(problem)]
    _, _, sound = _laws(problems)
    # a gap that stays open is no false statement; the scan counts those
    if wrong := {law: count for law, count in sound.items() if law != "open"}:
        raise AssertionError(f"broken without any fault: {wrong}")
    lines = [
        f"{len(problems)} problems of the scan (`evidence/raw_scan.py`), answered by the engine as it is and with one",
        "fault in its arithmetic, and held against the same laws: bounds against exact truth and the exact loss of the",
        "returned weights, gaps, the slope at the minimum against rational arithmetic, and, without decay and with a",
        "scaled condition below 1e7, the same answer when columns are multiplied by powers of two.",
        "As it is, no law breaks. A fault that broke none would show that nothing here tests it.",
        "",
        "| fault | problems with a broken law | with a false bound | laws broken |",
        "|---|---|---|---|",
    ]
    for name in MUTATIONS:
        with mutated(name):
            broken, false, laws = _laws(problems)
        laws.subtract({"open": sound["open"]})
        told = +laws
        if not told:
            raise AssertionError(f"no law breaks with this fault: {name}")
        words = ", ".join(f"{law} {count}" for law, count in told.most_common())
        lines.append(f"| {name} | {broken} | {false} | {words} |")
    return "\n".join(lines)
