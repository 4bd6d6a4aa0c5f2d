"""Requests a second over HTTP: the full default answer against an endpoint that validates and echoes."""

import sys
from dataclasses import dataclass
from typing import Final

import orjson

from benchmarks.comparison import Comparison
from benchmarks.load import load, request_of
from benchmarks.problems import bodies
from benchmarks.server import Served, serving
from service.operations.minima import minima, parse
from service.settings import Limits

ROUNDS: Final = 12
SOLVED: Final = 150
ECHOED: Final = 600
WARM_UP: Final = 100
TARGET: Final = 0.2


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second, by the clock and by the server's own use of its core."""

    by_clock: float
    by_core: float
    client_share: float


def compare() -> list[Comparison]:
    """Interleaved rounds on one server; every body is sent once.

    Compared are the best rounds in requests a second of the server's core, which others disturb little;
    the rates by the clock are printed, and agree with them on a machine that does nothing else.
    """
    solved: list[Rate] = []
    echoed: list[Rate] = []
    with serving() as served:
        _rate(served, "/v1/minima", bodies(WARM_UP, seed=1))
        _rate(served, "/echo", bodies(WARM_UP, seed=2))
        for turn in range(ROUNDS):
            solved.append(_rate(served, "/v1/minima", bodies(SOLVED, seed=100 + turn)))
            echoed.append(_rate(served, "/echo", bodies(ECHOED, seed=200 + turn)))
    _print_rates("answers", solved)
    _print_rates("echoes", echoed)
    return [
        Comparison(
            work="POST /v1/minima, 10 inputs, 3 layers, distinct bodies",
            measured=max(rate.by_core for rate in solved),
            reference="the same model validated and echoed",
            measured_reference=max(rate.by_core for rate in echoed),
            unit="requests per core second",
            bound=TARGET,
            at_least=True,
        )
    ]


def _rate(served: Served, path: str, sent: list[bytes]) -> Rate:
    used = served.cpu_s()
    found = load(served.port, [request_of(path, body) for body in sent])
    used = served.cpu_s() - used
    for index, answer in found.answers.items():
        _check(path, sent[index], answer)
    return Rate(len(sent) / found.seconds, len(sent) / used, found.client_share)


def _check(path: str, sent: bytes, answer: bytes) -> None:
    """The answer is the one of the same operation in this process, or the echo what was sent."""
    request, found = parse(orjson.loads(sent)).request, orjson.loads(answer)
    if path == "/echo":
        assert found["problem"] == orjson.loads(sent)
        return
    expected = minima(request, Limits())
    assert found["problem_hash"] == expected.problem_hash
    assert found["certificate"]["kind"] == "certified"
    assert abs(found["global_minimum"]["loss"] - expected.global_minimum.loss) <= 1e-12 * expected.global_minimum.loss


def _print_rates(name: str, rates: list[Rate]) -> None:
    clock = ", ".join(f"{rate.by_clock:.0f}" for rate in rates)
    core = ", ".join(f"{rate.by_core:.0f}" for rate in rates)
    share = max(rate.client_share for rate in rates)
    print(
        f"  {name} a second: {clock}; a second of the server's core: {core}; "
        f"the load generator used at most {share:.0%} of a core",
        file=sys.stderr,
    )
