"""Where the time of one request goes, by stage, in one process; prints a table and is no comparison.

Run as ``python -m benchmarks.stages``.
"""

import statistics
import time
from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.problems import bodies
from service.core.dispatch import choose, solve
from service.core.ground.data.moments import check
from service.core.ground.problems import Moments, Problem
from service.operations.mapping import minima as minima_mapping
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.hashing import problem_hash
from service.operations.minima import parse
from service.schemas.minima import MinimaAnswer
from service.settings import Limits
from service.web.bodies.documents import parse_json
from service.web.responses import rendered

REQUESTS: Final = 1000
WARM_UP: Final = 100
T = TypeVar("T")

Times = dict[str, float]


def main() -> None:
    """Print the median microseconds of each stage over distinct requests."""
    with threadpool_limits(limits=1):
        found = [stages(body) for body in bodies(WARM_UP + REQUESTS, seed=7)][WARM_UP:]
    total = statistics.median(times["whole"] for times in found)
    for name in found[0]:
        median = statistics.median(times[name] for times in found)
        print(f"{name:<28}{median * 1e6:8.0f} us {median / total:6.0%}")


def stages(body: bytes) -> Times:
    """Seconds of each stage; mappings are shown without the checks and validations inside them."""
    times: Times = {}
    limits = Limits()

    def timed(name: str, call: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = call()
        times[name] = time.perf_counter() - start
        return result

    start = time.perf_counter()
    document = timed("parse JSON", lambda: parse_json(body))
    request = timed("validate in", lambda: parse(document).request)
    mapped = timed("map in", lambda: problem_mapping.to_core(request.problem, limits))
    found = timed("choose, solve, certify", lambda: solve(mapped.core))
    answer = timed("map out", lambda: minima_mapping.to_wire(request, mapped, found, limits))
    timed("serialise", lambda: rendered(answer))
    times["whole"] = time.perf_counter() - start

    # the parts inside the stages, once more on their own
    fresh = _fresh(mapped.core)
    timed("of map in: eigh", lambda: np.linalg.eigh(fresh.data.xx))
    timed("of map in: checks and eigh", lambda: check(fresh.data))
    solver, certifier, _ = timed("of solve: hypotheses", lambda: choose(fresh))
    solution = timed("of solve: solver", lambda: solver.solve(fresh))
    timed("of solve: certificate", lambda: certifier(fresh, solution))
    plain = answer.model_dump(exclude_unset=True)
    timed("of map out: validate", lambda: MinimaAnswer.model_validate(plain))
    timed("of map out: hash", lambda: problem_hash(request.problem))
    return times


def _fresh(problem: Problem) -> Problem:
    """The same problem with nothing computed yet."""
    known = problem.data
    return Problem(problem.network, Moments(known.xx, known.xy, known.yy, known.n))


if __name__ == "__main__":
    main()
