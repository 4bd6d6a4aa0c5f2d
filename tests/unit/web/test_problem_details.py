import pytest

import service.errors
from service.cli.errors import CommandError
from service.errors import Attempt, FieldError, InputError, JobError, LimitExceeded, NotCovered, ServiceError
from service.operations.refusals import pointer
from service.schemas.error_kinds import BY_CODE, ERROR_KINDS
from service.web.problem_details import of_service_error


def kinds(base: type[ServiceError]) -> set[type[ServiceError]]:
    return {base, *(kind for child in base.__subclasses__() for kind in kinds(child))}


def test_every_deliberate_error_has_a_status() -> None:
    elsewhere = {ServiceError, JobError, CommandError}
    concrete = {kind for kind in kinds(ServiceError) if "code" in vars(kind)} - elsewhere
    assert {kind.code for kind in concrete} <= set(BY_CODE)
    assert len(BY_CODE) == len(ERROR_KINDS)
    assert service.errors.InputError in concrete


@pytest.mark.parametrize(
    ("location", "expected"), [((), ""), (("a", 0, "b"), "/a/0/b"), (("a/b", "c~d", "~1"), "/a~1b/c~0d/~01")]
)
def test_pointers_follow_rfc_6901(location: tuple[str | int, ...], expected: str) -> None:
    assert pointer(location) == expected


def test_extensions_of_each_kind() -> None:
    wrong = of_service_error(InputError([FieldError(("a",), "is wrong"), FieldError(("b",), "too")]))
    assert b'"errors":[{"pointer":"/a","detail":"is wrong"},{"pointer":"/b","detail":"too"}]' in bytes(wrong.body)
    large = of_service_error(LimitExceeded(("a",), "max_width", 10, "neurons"))
    assert b'"limit":"max_width","allowed":10.0' in bytes(large.body)
    refused = of_service_error(NotCovered([Attempt("s", {"linear": "it is not"}), Attempt("t", {})]))
    assert b'"failed":[{"hypothesis":"linear","reason":"it is not"}]' in bytes(refused.body)
