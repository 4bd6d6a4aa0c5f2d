"""What those who ask for little notice of those who ask for too much.

Cheap requests are answered on the event loop; what takes longer goes to the processes beside it.  Here such requests,
from some milliseconds to a second of a core each, come by the clock at twice the rate at which they can be answered,
and cheap ones come beside them, each timed from when it was due.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import psutil  # type: ignore[import-untyped]  # ships no annotations

from benchmarks.comparison import Comparison
from benchmarks.load import load, request_of
from benchmarks.open_loop import Answers, pressing, sent_by_the_clock
from benchmarks.problems import bodies, problems
from benchmarks.server import Served, serving

CHEAP_A_SECOND: Final = 100.0
SECONDS: Final = 12.0
"""Of cheap requests alone, under the overload, and afterwards."""
OVERLOAD: Final = 2.0
LEAD_S: Final = 3.0
"""Of overload before anything is measured, so that queues are full."""
CALLERS: Final = 6
"""That ask one request after the other to find the capacity."""
CAPACITY_REQUESTS: Final = 60
TARGET: Final = 5.0
BACK: Final = 2.0
"""Times the unloaded p99 that counts as recovered, on a machine with noise."""
LARGEST_GROWTH: Final = 1.25
REST_S: Final = 3.0
"""Between the last answer of the overload and the first cheap request after it."""
MIXES: Final = ("medium", "medium and heavy")


@dataclass(frozen=True, slots=True)
class Phase:
    """Cheap requests in one state of the server, and its memory at the end of it."""

    cheap: Answers
    own_bytes: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Overload:
    """One mix of requests at too high a rate: what cheap requests took before, under and after it."""

    mix: str
    capacity: float
    before: Phase
    under: Phase
    after: Phase
    pressing: Answers

    @property
    def ratio(self) -> float:
        """The p99 of cheap requests under overload to that before."""
        return self.under.cheap.quantile(0.99) / self.before.cheap.quantile(0.99)

    @property
    def growth(self) -> float:
        """Memory afterwards to that under the overload."""
        return self.after.memory_bytes / self.under.memory_bytes


def compare() -> list[Comparison]:
    """p99 of cheap requests under overload against that without, and afterwards."""
    found = [measured(mix, SECONDS, CHEAP_A_SECOND, SECONDS) for mix in MIXES]
    for each in found:
        print(f"  {told(each)}", file=sys.stderr)
    return [row for each in found for row in _rows(each)]


def _rows(each: Overload) -> list[Comparison]:
    name, before = f"{OVERLOAD:g} times what can be answered of {each.mix} requests", each.before
    return [
        Comparison(
            f"p99 of cheap requests beside {name}",
            each.under.cheap.quantile(0.99),
            "the same alone",
            before.cheap.quantile(0.99),
            "s",
            TARGET,
            at_least=False,
        ),
        Comparison(
            "the same afterwards",
            each.after.cheap.quantile(0.99),
            "before",
            before.cheap.quantile(0.99),
            "s",
            BACK,
            at_least=False,
        ),
        Comparison(
            "memory of the server and its processes afterwards",
            each.after.memory_bytes / 1e6,
            "when queues were full",
            each.under.memory_bytes / 1e6,
            "MB",
            LARGEST_GROWTH,
            at_least=False,
        ),
    ]


def told(found: Overload) -> str:
    """One line."""
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(found.pressing.statuses.items()))
    times = ", ".join(
        f"{name} {1e3 * phase.cheap.quantile(0.5):.1f} / {1e3 * phase.cheap.quantile(0.99):.1f} / "
        f"{1e3 * max(phase.cheap.seconds):.1f}"
        for name, phase in (("before", found.before), ("under", found.under), ("after", found.after))
    )
    return f"{found.mix}: capacity {found.capacity:.1f}/s; pressed: {statuses}; median / p99 / longest in ms: {times}"


def measured(mix: str, seconds: float, cheap_a_second: float, alone_s: float) -> Overload:
    """Overload a server of its own for so many seconds; cheap requests come alone before and after it.

    Raises
    ------
    RuntimeError
        If a cheap request was not answered, or another one in any other way than 200, or 503 with ``Retry-After``.
    """
    requests = requests_of(mix)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving({"MINIMA_DATABASE_URL": f"sqlite:///{folder}/jobs.db", "MINIMA_WORKERS": "0"}) as served,
    ):
        cheap = _Cheap(served, cheap_a_second)
        cheap.phase(2.0)
        capacity = _capacity(served, requests)
        before = cheap.phase(alone_s)
        pressed_s = LEAD_S + seconds + 1.0
        with pressing(served.port, requests, OVERLOAD * capacity, pressed_s, seed=5) as others:
            time.sleep(LEAD_S)
            under = cheap.phase(seconds)
            pressed = others.answers()
        time.sleep(REST_S)
        after = cheap.phase(alone_s)
    _check(pressed)
    return Overload(mix, capacity, before, under, after, pressed)


class _Cheap:
    """Cheap requests, no two of them equal as long as there are bodies."""

    DISTINCT: Final = 5_000

    def __init__(self, served: Served, per_second: float) -> None:
        self._served = served
        self._requests = [request_of("/v1/minima", body) for body in bodies(self.DISTINCT, seed=3)]
        self._per_second = per_second
        self._seed = 10

    def phase(self, seconds: float) -> Phase:
        self._seed += 1
        found = sent_by_the_clock(self._served.port, self._requests, self._per_second, seconds, self._seed)
        if found.unanswered or set(found.statuses) != {200}:
            raise RuntimeError(f"cheap requests: {dict(found.statuses)}, {found.unanswered} not answered")
        return Phase(found, psutil.Process(self._served.pid).memory_info().rss, memory_of(self._served.pid))


def _check(pressed: Answers) -> None:
    if set(pressed.statuses) - {200, 503} or pressed.unanswered or pressed.without_retry:
        raise RuntimeError(
            f"under overload: {dict(pressed.statuses)}, {pressed.unanswered} not answered, "
            f"{pressed.without_retry} refused without Retry-After"
        )
    if not pressed.statuses[503]:
        raise RuntimeError("nothing was refused: this was no overload")


def _capacity(served: Served, requests: list[bytes]) -> float:
    """Requests a second that are answered when a few callers always wait."""
    load(served.port, requests[:CALLERS], CALLERS)
    asked = [requests[index % len(requests)] for index in range(CAPACITY_REQUESTS)]
    return len(asked) / load(served.port, asked, CALLERS).seconds


def requests_of(mix: str) -> list[bytes]:
    """Requests that leave the event loop: several outputs and batches, and where they are heavy, one search in ten."""
    medium = [_several_outputs(20, 10, (16, 16), 0.0, seed) for seed in range(27)]
    batches = [{"problems": list(problems(16, seed))} for seed in range(27)]
    found = [request_of("/v1/minima", orjson.dumps(body)) for body in medium]
    found += [request_of("/v1/minima/batch", orjson.dumps(body)) for body in batches]
    if mix != MIXES[0]:
        heavy = [_several_outputs(40, 5, (8, 8, 8), 0.2, seed) for seed in range(6)]
        found += [request_of("/v1/minima", orjson.dumps(body)) for body in heavy]
    return [found[place] for place in np.random.default_rng(1).permutation(len(found))]


def _several_outputs(inputs: int, outputs: int, hidden: tuple[int, ...], dropout: float, seed: int) -> dict[str, Any]:
    rng, samples = np.random.default_rng(seed), 4 * inputs
    x = rng.normal(size=(samples, inputs))
    y = x @ rng.normal(size=(inputs, outputs)) / np.sqrt(inputs) + 0.3 * rng.normal(size=(samples, outputs))
    noise = {"noise": {"kind": "dropout", "rate": dropout}} if dropout else {}
    layers = [{"width": width, "weight_decay": 0.02, **noise} for width in hidden]
    return {
        "network": {"layers": [*layers, {"width": outputs, "weight_decay": 0.02}]},
        "data": {
            "kind": "moments",
            "xx": (x.T @ x / samples).tolist(),
            "xy": (x.T @ y / samples).tolist(),
            "yy": float((y * y).sum() / samples),
        },
    }


def memory_of(pid: int) -> int:
    """Bytes that a process and all below it keep in memory, pages that they share counted once for each."""
    process = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
