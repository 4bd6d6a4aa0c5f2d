"""One question: a row of the table, the request that was read for it, and everything that can be done with both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import Location
from service.operations.answered import Answered
from service.operations.guards import double_precision
from service.operations.loaded import Loaded, load
from service.operations.plans.plan import Plan
from service.operations.questions import question_of
from service.operations.table import BY_NAME
from service.settings import Limits


@dataclass(frozen=True, slots=True)
class Question:
    """A request that was read.

    Attributes
    ----------
    loaded : Loaded
        The operation.
    request : Wire or Batch
    problem_at : tuple of str and int
        Where the problem stands in the body, for the locations of errors.
    """

    loaded: Loaded
    request: Any
    problem_at: Location

    @property
    def time_limit_s(self) -> float | None:
        """What the caller allows."""
        limit: float | None = getattr(self.request, "time_limit_s", None)
        return limit

    @property
    def cost_s(self) -> float:
        """Seconds of one core that `answer` takes, to within a small factor; not known where none is declared."""
        return float("inf") if self.loaded.cost is None else self.loaded.cost(self.request)

    def answer(self, limits: Limits) -> Answered:
        """The answer of an operation that has a function.

        Raises
        ------
        ServiceError
            Whatever the operation refuses, with locations in the body.
        """
        assert self.loaded.function is not None  # noqa: S101 - asked of the row by the caller
        with double_precision():
            return self.loaded.function(self.request, limits, self.problem_at)

    def plan(self, limits: Limits) -> Plan:
        """How an operation that may run as a job is cut into chunks; raises whatever the plan refuses."""
        assert self.loaded.work is not None  # noqa: S101 - asked of the row by the caller
        return self.loaded.work.plan(self.request, limits)

    def stored(self, limits: Limits) -> dict[str, Any]:
        """Everything that decides the answer, as a job stores it."""
        return question_of(self.request, limits)

    def sizes(self) -> Mapping[str, int | str]:
        """Sizes for the log line; never data."""
        found: dict[str, int | str] = {}
        problem = getattr(self.request, "problem", None)
        if problem is not None:
            found |= {"data": problem.data.kind, "layers": len(problem.network.layers)}
        for name in self.loaded.row.logged:
            value = getattr(self.request, name, None)
            if value is not None:
                found[name] = len(value) if isinstance(value, Sequence) else value
        return found


def ask(name: str, body: object, limits: Limits) -> Question:
    """Read a body for the operation of this name.

    Raises
    ------
    InputError, LimitExceeded
        With locations in the body.
    """
    loaded = load(BY_NAME[name])
    parsed = loaded.parse(body, limits)
    return Question(loaded, parsed.request, parsed.problem_at)
