"""What is known about the landscape of a problem, theorem by theorem."""

from typing import Final

from pydantic import ValidationError

from service.core.landscapes.summary import summarise
from service.core.landscapes.witnesses.table import witnesses
from service.errors import Location
from service.operations.included import included
from service.operations.mapping import landscape as landscape_mapping
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.operations.minima import check_time, not_finite
from service.schemas.landscape import LandscapeAnswer, LandscapeOptions, LandscapeRequest
from service.schemas.parsing import Parsed, parse_request
from service.settings import Limits

OPTIONS: Final = frozenset(field.alias or name for name, field in LandscapeOptions.model_fields.items())


def parse(body: object) -> Parsed[LandscapeRequest]:
    """Read a bare or wrapped problem; `InputError` with locations in ``body``."""
    return parse_request(LandscapeRequest, body, OPTIONS)


def landscape(request: LandscapeRequest, limits: Limits, problem_at: Location = ()) -> LandscapeAnswer:
    """Try every theorem of the catalogue and summarise.

    Parameters
    ----------
    request : LandscapeRequest
    limits : Limits
    problem_at : tuple
        Where the problem stands in what the caller sent, for the locations of errors.

    Raises
    ------
    InputError
    LimitExceeded
    NumericalError
    """
    check_time(request.time_limit_s, limits)
    with located(problem_at):
        mapped = problem_mapping.to_core(request.problem, limits)
    found = summarise(mapped.core)
    try:
        shown = witnesses(mapped.core, found.rules) if "witnesses" in request.include else None
        return landscape_mapping.to_wire(request, mapped, found, shown, included(request, limits), limits)
    except ValidationError as error:
        raise not_finite(error) from error
