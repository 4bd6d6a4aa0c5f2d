"""Cheap requests beside an overload of others, for as long as it takes to see memory and quantiles settle.

``python -m evidence overload`` overloads a server for ten minutes, half of them with each mix; ``--seconds N`` says how
long.
"""

import os
from typing import Final

from benchmarks.open_loop import Answers
from benchmarks.overload import LARGEST_GROWTH, MIXES, OVERLOAD, Overload, Phase, measured, told

SECONDS: Final = 600.0
CHEAP_A_SECOND: Final = 170.0
"""So that ten minutes hold a hundred thousand."""
TARGET: Final = 5.0
ALONE_S: Final = 30.0
"""Before the overload and after it."""
QUANTILES: Final = (0.5, 0.99, 0.999)


def report() -> str:
    """Overload a server for each mix of requests.

    Raises
    ------
    RuntimeError
        If a request had no answer or a wrong one, the p99 grew more than allowed, or memory went on growing.
    """
    seconds = float(os.environ.get("EVIDENCE_SECONDS", SECONDS))
    under = seconds / len(MIXES)
    found = [measured(mix, under, CHEAP_A_SECOND, min(under, ALONE_S)) for mix in MIXES]
    for each in found:
        print(told(each), flush=True)
    wrong = [f"{each.mix}: p99 grew {each.ratio:.1f} times" for each in found if each.ratio > TARGET]
    wrong += [f"{each.mix}: memory grew" for each in found if each.growth > LARGEST_GROWTH]
    if wrong:
        raise RuntimeError("; ".join(wrong))
    return "\n\n".join([_told(under, found), *map(_table, found)])


def _told(seconds: float, found: list[Overload]) -> str:
    worst = max(each.ratio for each in found)
    return (
        "A server with its own settings, but without workers of jobs. Cheap requests (10 inputs, one output, answered "
        f"on the event loop) come at random times, {CHEAP_A_SECOND:g} a second on average, and each is timed from when "
        f"it was due: some time alone, {seconds:g} s beside the overload, and after it. *Medium* requests have several "
        "outputs, or are batches of 16, and take some milliseconds of a core to some tens; one in ten of *medium and "
        "heavy* is a search of a second. The overload comes at random times too, at "
        f"{OVERLOAD:g} times the rate at which a few callers that always wait are answered. Every cheap request was "
        "answered; of the others each was answered or refused with 503 and `Retry-After`. The p99 under overload was "
        f"at most {worst:.1f} times that before (allowed: {TARGET:g})."
    )


def _table(found: Overload) -> str:
    lines = [
        f"## {found.mix.capitalize()}",
        "",
        f"Capacity {found.capacity:.1f} a second; of the overload {_counted(found.pressing)}.",
        "",
        "| cheap requests | answered | median, ms | p99, ms | p99.9, ms | longest, ms | server, MB | in all, MB |",
        "|---|---|---|---|---|---|---|---|",
        _row("before", found.before),
        _row("under overload", found.under),
        _row("after", found.after),
    ]
    return "\n".join(lines)


def _counted(answers: Answers) -> str:
    answered, refused = answers.statuses[200], answers.statuses[503]
    return f"{answered:,} were answered, the longest wait {max(answers.seconds):.1f} s, and {refused:,} refused"


def _row(name: str, phase: Phase) -> str:
    times = [phase.cheap.quantile(share) for share in QUANTILES] + [max(phase.cheap.seconds)]
    told = " | ".join(f"{1e3 * time:.1f}" for time in times)
    own, all_of_them = phase.own_bytes / 1e6, phase.memory_bytes / 1e6
    return f"| {name} | {len(phase.cheap.seconds):,} | {told} | {own:.0f} | {all_of_them:.0f} |"
