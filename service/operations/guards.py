"""What every operation refuses alike: time beyond the server's own, and numbers beyond double precision.

A search that has a best value at any moment ends before the time that its caller allows is over.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from pydantic import ValidationError

from service.core.ground.stopping import stopped_by
from service.errors import LimitExceeded, NumericalError
from service.settings import Limits


def check_time(time_limit_s: float | None, limits: Limits) -> None:
    """Refuse a time limit beyond the server's own."""
    if time_limit_s is not None and time_limit_s > limits.max_seconds:
        raise LimitExceeded(("time_limit_s",), "max_seconds", limits.max_seconds, "seconds")


SEARCHED: Final = 0.6
"""Share of the allowed time after which a search ends; the rest is for its bounds and the answer."""


@dataclass
class SearchTime:
    """The time of a search: that of the thread that computes, so that waiting for a core is not counted.

    Attributes
    ----------
    seconds : float
    over : bool
        Whether the search was ended.
    """

    seconds: float
    over: bool = False
    _started: float = field(default_factory=time.thread_time)

    def __call__(self) -> bool:
        """Whether the time is over."""
        self.over = self.over or time.thread_time() - self._started > self.seconds
        return self.over


@contextmanager
def searching(time_limit_s: float | None) -> Iterator[SearchTime | None]:
    """End searches inside the block before the caller's time is over; without a limit they end by themselves."""
    if time_limit_s is None:
        yield None
        return
    allowed = SearchTime(SEARCHED * time_limit_s)
    with stopped_by(allowed):
        yield allowed


@contextmanager
def double_precision() -> Iterator[None]:
    """Turn what arithmetic and linear algebra raise into the error that callers understand."""
    try:
        yield
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise NumericalError("the computation left the range of double precision") from error


@contextmanager
def finite_answer() -> Iterator[None]:
    """Turn the refusal of an answer that holds a number beyond double precision into the error that names the field.

    The field is named with the part of the answer that holds it, as the OpenAPI document calls it.  Anything else that
    does not fit the schema of the answer is a fault of the service: it is raised as it is.
    """
    try:
        yield
    except ValidationError as error:
        if not is_beyond_range(error):
            raise
        fields = sorted({".".join(map(str, (error.title, *item["loc"]))) for item in error.errors(include_url=False)})
        raise NumericalError(f"the answer leaves the range of double precision in {', '.join(fields)}") from error


def is_beyond_range(error: ValidationError) -> bool:
    """Whether a model was refused for numbers that are not finite, and for nothing else."""
    return all(
        item["type"] == "finite_number"
        # where a field may be of several types, each of them refuses the number with a word of its own
        or (isinstance(item["input"], float) and not np.isfinite(item["input"]))
        for item in error.errors(include_url=False)
    )
