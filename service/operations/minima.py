"""The global minimum of a problem, with its landscape and its certificate."""

from dataclasses import replace
from functools import partial

from service.core.catalogue import theorems_of_model
from service.core.dispatch import NO_EXTRAS, Extras, solve
from service.core.ground.problems import Problem
from service.core.ground.results import Minima
from service.core.models.unconstrained_features import geometry_of
from service.core.models.vae_minima import vae_minima
from service.errors import InputError, Location
from service.operations.guards import check_time, double_precision, finite_answer, searching
from service.operations.magnitudes import blamed_on_fields, extremes_of
from service.operations.mapping import minima as minima_mapping
from service.operations.mapping import model_answers
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.operations.mapping.minima import NOTHING_SPECIAL, Special
from service.operations.mapping.problem import Inputs, MappedProblem
from service.operations.nearest import suggesting_nearest
from service.schemas.minima import MinimaAnswer
from service.schemas.parsing import Parsed, parse_request
from service.schemas.request import MinimaRequest
from service.settings import Limits
from service.vocabulary import Loss, Model


def parse(body: object) -> Parsed[MinimaRequest]:
    """Read a bare or wrapped problem; `InputError` with locations in ``body``."""
    return parse_request(MinimaRequest, body)


def minima(request: MinimaRequest, limits: Limits, problem_at: Location = ()) -> MinimaAnswer:
    """Solve and certify; parameters as in `operations.rows`.

    Raises
    ------
    NotCovered
        Names each solver with the hypotheses that failed.
    """
    check_time(request.time_limit_s, limits)
    with suggesting_nearest(request.problem, limits, problem_at):
        return _answered(request, limits, problem_at)


def _answered(request: MinimaRequest, limits: Limits, problem_at: Location) -> MinimaAnswer:
    with located(problem_at):
        mapped = to_core(request, limits, other_models=True)
    with blamed_on_fields(partial(extremes_of, request.problem, mapped, problem_at)):
        with located(problem_at), finite_answer(), searching(request.time_limit_s) as allowed:
            found, special = solved_model(mapped, _extras(request))
        with finite_answer():
            answer = minima_mapping.to_wire(request, mapped, found, limits, special)
    return answer if allowed is None or not allowed.over else minima_mapping.ended_early(answer)


def solved_model(mapped: MappedProblem, extras: Extras) -> tuple[Minima, Special]:
    """The standard answer of a problem of any model, and what only its model has."""
    if mapped.vae is not None:
        with double_precision():
            answer = vae_minima(mapped.core, mapped.vae)
        return answer.minima, Special(variational=model_answers.variational(mapped.vae, answer))
    found = solved(mapped.core, extras)
    if mapped.features is None:
        return found, NOTHING_SPECIAL
    theorems = (*found.solution.theorems, *theorems_of_model(Model.UNCONSTRAINED_FEATURES, mapped.core))
    found = replace(found, solution=replace(found.solution, theorems=theorems))
    geometry = geometry_of(mapped.core, mapped.features.class_counts, found.solution.minimum)
    return found, Special(features=model_answers.features(geometry))


def to_core(request: MinimaRequest, limits: Limits, *, other_models: bool = False) -> MappedProblem:
    """The problem in the core's convention; `InputError` without data."""
    mapped = problem_mapping.to_core(
        request.problem, limits, other_models=other_models, one_layer=True, inputs=Inputs.ANY
    )
    if mapped.core.moments is None:
        raise InputError.at(("data", "kind"), "must not be none: a minimum needs data")
    if mapped.core.evaluation is not None and mapped.core.loss is not Loss.SQUARED:
        weighted = mapped.core.loss is Loss.WEIGHTED_SQUARED
        reason = "held-out data have no weights of the error" if weighted else "a fit on them is known for squared loss"
        raise InputError.at(("data", "evaluation"), f"must be left out: {reason}")
    return mapped


def solved(problem: Problem, extras: Extras = NO_EXTRAS) -> Minima:
    """The core's answer; what leaves double precision is a `NumericalError`."""
    with double_precision():
        return solve(problem, extras)


def _extras(request: MinimaRequest) -> Extras:
    return Extras("hessian" in request.include, "subnetworks" in request.include, reductions=True)
