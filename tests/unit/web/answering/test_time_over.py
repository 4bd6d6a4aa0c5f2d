"""Time that is over ends a computation, whatever library it is in."""

from collections.abc import Callable

import pytest
from pydantic_core import PydanticSerializationError

from service.errors import LimitExceeded
from service.web.answering.large import _at_most


def burn() -> None:
    while True:
        assert sum(range(1000))


def burn_hidden() -> None:
    try:
        burn()
    except BaseException as error:
        raise PydanticSerializationError("hidden") from error


@pytest.mark.parametrize("burning", [burn, burn_hidden], ids=["as it is", "in a library that hides what ended it"])
def test_time_that_is_over_is_said(burning: Callable[[], None]) -> None:
    with pytest.raises(LimitExceeded), _at_most(1e-4, 1.0):
        burning()


def test_an_error_of_its_own_stays_one() -> None:
    with pytest.raises(PydanticSerializationError), _at_most(10.0, 10.0):
        raise PydanticSerializationError("its own")
