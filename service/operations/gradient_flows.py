"""Gradient flow of a network on its data, with what theory says of every quantity on the way."""

from service.core.dynamics.flow import run
from service.core.dynamics.flow_record import record_of
from service.operations.mapping import flows
from service.operations.mapping import problem as problem_mapping
from service.operations.mapping.locations import located
from service.schemas.flows import FlowAnswer, FlowRequest
from service.schemas.parsing import validated
from service.settings import Limits


def parse(body: object) -> FlowRequest:
    """Read a request; `InputError` with locations in ``body``."""
    return validated(FlowRequest, body)


def gradient_flow(request: FlowRequest, limits: Limits) -> FlowAnswer:
    """Integrate from the start to the end and tell the trajectories.

    Raises
    ------
    InputError
    LimitExceeded
    """
    with located(("problem",)):
        mapped = problem_mapping.to_core(request.problem, limits)
        setting = flows.to_core(request, mapped)
    start = flows.start_of(request, setting)
    states, snapshots = run(setting, start, flows.until_of(request))
    record = record_of(setting, states, snapshots)
    return flows.to_wire(request, mapped, record, states[-1].evaluations)
