"""Deliberate errors travel between processes as what they are."""

import pickle

import pytest

from service.cli.errors import CommandError
from service.errors import (
    Attempt,
    BodyTooLarge,
    BodyTooSlow,
    DatasetError,
    EngineError,
    InputError,
    JobError,
    LimitExceeded,
    MalformedBody,
    MissingExtra,
    NotAcceptable,
    NotCovered,
    NotFound,
    NumericalError,
    QueueFull,
    ServiceError,
    Unauthorized,
    UnsupportedEncoding,
    UnsupportedMediaType,
)
from service.schemas.error_kinds import BY_CODE, ERROR_KINDS

ERRORS: list[ServiceError] = [
    ServiceError("detail"),
    InputError.at(("data", "xx", 0), "must be finite"),
    LimitExceeded(("vary", "width"), "max_width", 10.0, "neurons"),
    NotCovered([Attempt("scalar_output", {"one output": "there are two"})]),
    NumericalError("beyond doubles"),
    NotFound("nothing"),
    JobError("gone", "expired"),
    JobError("unknown", "missing"),
    EngineError("away"),
    MissingExtra("pictures", "plots"),
    NotAcceptable("no picture"),
    QueueFull(10),
    MalformedBody("no JSON"),
    BodyTooLarge("too large"),
    BodyTooSlow("too slow"),
    UnsupportedMediaType("text"),
    UnsupportedEncoding("packed"),
    Unauthorized("send a key"),
    DatasetError(("data", "id"), "outdated"),
    CommandError("a port"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_as_it_was(error: ServiceError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args, again.code) == (str(error), error.args, error.code)
    assert vars(again) == vars(error)


def test_every_error_has_its_facts_in_one_row() -> None:
    assert len(BY_CODE) == len(ERROR_KINDS)
    for error in ERRORS:
        assert (error.code in BY_CODE) == (type(error) is not ServiceError)
    for row in ERROR_KINDS:
        assert (row.retry_after_s is not None) == (row.status in (429, 503))
        assert row.exit_status == 1 or 400 <= row.status < 500


def test_every_class_of_errors_is_tried() -> None:
    def below(kind: type[ServiceError]) -> set[type[ServiceError]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    declared = {kind for kind in below(ServiceError) if kind.__module__ == "service.errors"}
    abstract = {kind for kind in declared if any(other is not kind and issubclass(other, kind) for other in declared)}
    assert declared - abstract <= {type(error) for error in ERRORS}
