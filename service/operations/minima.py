"""The global minimum of a problem, with its landscape and its certificate."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
from pydantic import ValidationError

from service.core.dispatch import NO_EXTRAS, Extras, solve
from service.core.models.unconstrained_features import geometry_of
from service.core.models.vae_minima import vae_minima
from service.core.problems import Problem
from service.core.results import Minima
from service.errors import InputError, LimitExceeded, Location, NumericalError
from service.operations.mapping import minima as minima_mapping
from service.operations.mapping import model_answers
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.operations.mapping.problem import MappedProblem
from service.schemas.minima import MinimaAnswer
from service.schemas.parsing import Parsed, parse_request
from service.schemas.request import MinimaOptions, MinimaRequest
from service.settings import Limits
from service.vocabulary import Loss

FoundT = TypeVar("FoundT")

OPTIONS: Final = frozenset(field.alias or name for name, field in MinimaOptions.model_fields.items())


def parse(body: object) -> Parsed[MinimaRequest]:
    """Read a bare or wrapped problem; `InputError` with locations in ``body``."""
    return parse_request(MinimaRequest, body, OPTIONS)


def minima(request: MinimaRequest, limits: Limits, problem_at: Location = ()) -> MinimaAnswer:
    """Solve and certify.

    Parameters
    ----------
    request : MinimaRequest
    limits : Limits
    problem_at : tuple
        Where the problem stands in what the caller sent, for the locations of errors.

    Raises
    ------
    InputError
    LimitExceeded
    NotCovered
        Names each solver with the hypotheses that failed.
    NumericalError
    """
    check_time(request.time_limit_s, limits)
    with located(problem_at):
        mapped = to_core(request, limits, other_models=True)
        found, special = _solved(mapped, _extras(request))
    try:
        return minima_mapping.to_wire(request, mapped, found, limits, special)
    except ValidationError as error:
        raise not_finite(error) from error


def _solved(mapped: MappedProblem, extras: Extras) -> tuple[Minima, dict[str, Any]]:
    """The standard answer, and what only the model of this problem has."""
    if mapped.vae is not None:
        answer = _in_range(partial(vae_minima, mapped.core, mapped.vae))
        return answer.minima, {"variational": model_answers.variational(mapped.vae, answer)}
    found = solved(mapped.core, extras)
    if mapped.features is None:
        return found, {}
    if found.solution.solver == "factorisation":
        theorems = (*found.solution.theorems, "unconstrained-features")
        found = replace(found, solution=replace(found.solution, theorems=theorems))
    geometry = geometry_of(mapped.core, mapped.features.class_counts, found.solution.minimum)
    return found, {"features": model_answers.features(geometry)}


def to_core(request: MinimaRequest, limits: Limits, *, other_models: bool = False) -> MappedProblem:
    """The problem in the core's convention; `InputError` without data."""
    mapped = problem_mapping.to_core(request.problem, limits, other_models=other_models)
    if mapped.core.moments is None:
        raise InputError.at(("data", "kind"), "must not be none: a minimum needs data")
    if mapped.core.loss is Loss.WEIGHTED_SQUARED and mapped.core.evaluation is not None:
        raise InputError.at(("data", "evaluation"), "must be left out: held-out data have no weights of the error")
    return mapped


def solved(problem: Problem, extras: Extras = NO_EXTRAS) -> Minima:
    """The core's answer; what leaves double precision is a `NumericalError`."""
    return _in_range(partial(solve, problem, extras))


def _in_range(compute: Callable[[], FoundT]) -> FoundT:
    try:
        return compute()
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise NumericalError("the computation left the range of double precision") from error


def _extras(request: MinimaRequest) -> Extras:
    return Extras("hessian" in request.include, "subnetworks" in request.include, reductions=True)


def check_time(time_limit_s: float | None, limits: Limits) -> None:
    """Refuse a time limit beyond the server's own."""
    if time_limit_s is not None and time_limit_s > limits.max_seconds:
        raise LimitExceeded(("time_limit_s",), "max_seconds", limits.max_seconds, "seconds")


def not_finite(error: ValidationError) -> NumericalError:
    """The error of an answer that holds a number beyond double precision, named by field.

    Anything else that does not fit the schema of the answer is a fault of the service: it is raised as it is.
    """
    items = error.errors(include_url=False, include_input=False)
    if any(item["type"] != "finite_number" for item in items):
        raise error
    fields = sorted({".".join(map(str, item["loc"])) for item in items})
    return NumericalError(f"the answer leaves the range of double precision in {', '.join(fields)}")
