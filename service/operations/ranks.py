"""Ranks that training will give each weight matrix, with the rules that say so."""

from dataclasses import replace

from service.core.asked.rank_prediction import predict
from service.core.asked.small_targets import small_targets
from service.core.ranks.compression import compression_of
from service.errors import Location
from service.operations.guards import check_time, finite_answer
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping import ranks as ranks_mapping
from service.operations.mapping.locations import located
from service.operations.mapping.problem import Inputs
from service.schemas.parsing import Parsed, parse_request
from service.schemas.ranks import RanksAnswer, RanksRequest
from service.settings import Limits


def parse(body: object) -> Parsed[RanksRequest]:
    """Read a bare or wrapped problem; `InputError` with locations in ``body``."""
    return parse_request(RanksRequest, body)


def ranks(request: RanksRequest, limits: Limits, problem_at: Location = ()) -> RanksAnswer:
    """Predict ranks, and say how far snapshots have come; parameters as in `operations.rows`."""
    check_time(request.time_limit_s, limits)
    with located(problem_at):
        # recorded weights belong to the units that were sent
        inputs = Inputs.AS_SENT if request.snapshots else Inputs.UNDECAYED
        mapped = problem_mapping.to_core(request.problem, limits, convolutions=True, inputs=inputs)
        small = small_targets(mapped.core)
        setting = ranks_mapping.to_core(request, mapped if small is None else replace(mapped, core=small.inside))
    setting = ranks_mapping.with_snapshots(setting, request)
    found = predict(setting)
    compression = compression_of(setting, found.layers) if "compression" in request.include else None
    with finite_answer():
        return ranks_mapping.to_wire(request, mapped, found, compression)
