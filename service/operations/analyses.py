"""The explicit table of analyses of one problem: how each is read, what answers it, and what that costs.

The web answers them at once or as jobs, the workers compute them; all from these rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from service.errors import Location
from service.operations import cost
from service.operations.diagnose import diagnose
from service.operations.landscape import landscape
from service.operations.minima import minima
from service.operations.ranks import ranks
from service.schemas.base import Wire
from service.schemas.diagnose import DiagnoseRequest
from service.schemas.landscape import LandscapeRequest
from service.schemas.parsing import Parsed, parse_request
from service.schemas.problem import Problem
from service.schemas.ranks import RanksRequest
from service.schemas.request import MinimaRequest
from service.settings import Limits

RequestT = TypeVar("RequestT", bound=Wire)


class Question(Protocol):
    """What every request for an analysis holds."""

    problem: Problem
    time_limit_s: float | None


@dataclass(frozen=True, slots=True)
class Analysis(Generic[RequestT]):
    """One analysis.

    Attributes
    ----------
    request : type
        Of what is asked: a `Question`.
    answer : callable
        From a request, the limits, and where the problem stands in what the caller sent, for the locations of errors.
        Raises `InputError`, `LimitExceeded` and `NumericalError`, some `NotCovered`.
    estimate_s : callable
        Seconds on one core, to within a small factor.
    """

    request: type[RequestT]
    answer: Callable[[RequestT, Limits, Location], Wire]
    estimate_s: Callable[[RequestT], float]

    def parse(self, body: object) -> Parsed[RequestT]:
        """Read a bare or wrapped problem; `InputError` with locations in ``body``."""
        return parse_request(self.request, body)


ANALYSES: Final[Mapping[str, Analysis[Any]]] = {
    "minima": Analysis(MinimaRequest, minima, cost.estimate_s),
    "landscape": Analysis(LandscapeRequest, landscape, cost.landscape_s),
    "ranks": Analysis(RanksRequest, ranks, cost.ranks_s),
    "diagnose": Analysis(DiagnoseRequest, diagnose, cost.diagnosis_s),
}


def sizes_of(asked: Question) -> dict[str, int | str]:
    """Sizes for the log line; never data."""
    return {"data": asked.problem.data.kind, "layers": len(asked.problem.network.layers)}
