"""What is known about the landscape of a problem, theorem by theorem."""

from functools import partial

from service.core.asked.landscape import Landscape, summarise
from service.core.asked.small_targets import summarised
from service.core.ground.problems import Problem
from service.core.landscapes.witnesses.table import Witness, witnesses
from service.errors import Location
from service.operations.cost import left_out_of_summaries
from service.operations.guards import check_time, double_precision, finite_answer
from service.operations.included import included
from service.operations.magnitudes import blamed_on_fields, extremes_of
from service.operations.mapping import landscape as landscape_mapping
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.operations.mapping.problem import Inputs
from service.schemas.landscape import LandscapeAnswer, LandscapeRequest
from service.schemas.parsing import Parsed, parse_request
from service.settings import Limits


def parse(body: object) -> Parsed[LandscapeRequest]:
    """Read a bare or wrapped problem; `InputError` with locations in ``body``."""
    return parse_request(LandscapeRequest, body)


def landscape(request: LandscapeRequest, limits: Limits, problem_at: Location = ()) -> LandscapeAnswer:
    """Try every theorem of the catalogue and summarise; parameters as in `operations.rows`."""
    check_time(request.time_limit_s, limits)
    with located(problem_at):
        mapped = problem_mapping.to_core(request.problem, limits, convolutions=True, inputs=Inputs.UNDECAYED)
    left_out = {} if "minimum" in request.include else left_out_of_summaries(request.problem)
    extreme = partial(extremes_of, request.problem, mapped, problem_at)
    with blamed_on_fields(extreme), double_precision(), finite_answer():
        found = summarised(mapped.core, partial(summarise, left_out=left_out))
        shown = _witnesses(mapped.core, found) if "witnesses" in request.include else None
        return landscape_mapping.to_wire(request, mapped, found, shown, included(request, limits), limits)


def _witnesses(problem: Problem, found: Landscape) -> tuple[Witness, ...]:
    """Of the posed network; none where rules were tried on a part of it."""
    parts = (
        found.tried.network.n_layers < problem.network.n_layers or found.tried.network.skips != problem.network.skips
    )
    return () if parts else witnesses(problem, found.rules)
