"""The explicit table of heavy operations: how each reads its question.  They run inline only while they are cheap."""

from collections.abc import Mapping
from typing import Final

from service.jobs.heavy.connectivity import connectivity_request
from service.jobs.heavy.gradient_flows import gradient_flows_request
from service.jobs.heavy.races import races_request
from service.jobs.heavy.slices import slices_request
from service.jobs.heavy.spectra import spectra_request
from service.jobs.heavy.sweeps import sweeps_request
from service.schemas.connectivity import ConnectivityRequest
from service.schemas.flows import FlowRequest
from service.schemas.parsing import validated
from service.schemas.races import RacesRequest
from service.schemas.slices import SlicesRequest
from service.schemas.spectra import SpectraRequest
from service.schemas.sweeps import SweepsRequest
from service.settings import Limits
from service.web.answering.questions import Asked, Read


def _sweeps(body: object, limits: Limits) -> Asked:
    asked = validated(SweepsRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "axes": len(asked.axes)}
    return Asked(sweeps_request(asked, limits), asked.time_limit_s, sizes)


def _races(body: object, limits: Limits) -> Asked:
    asked = validated(RacesRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "runs": asked.runs, "steps": asked.steps}
    return Asked(races_request(asked, limits), asked.time_limit_s, sizes)


def _gradient_flows(body: object, limits: Limits) -> Asked:
    asked = validated(FlowRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "data": asked.problem.data.kind}
    return Asked(gradient_flows_request(asked, limits), asked.time_limit_s, sizes)


def _slices(body: object, limits: Limits) -> Asked:
    asked = validated(SlicesRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "points": asked.points}
    return Asked(slices_request(asked, limits), asked.time_limit_s, sizes)


def _spectra(body: object, limits: Limits) -> Asked:
    asked = validated(SpectraRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "probes": asked.probes}
    return Asked(spectra_request(asked, limits), asked.time_limit_s, sizes)


def _connectivity(body: object, limits: Limits) -> Asked:
    asked = validated(ConnectivityRequest, body)
    sizes = {"layers": len(asked.problem.network.layers), "rounds": asked.rounds, "widths": len(asked.widths)}
    return Asked(connectivity_request(asked, limits), asked.time_limit_s, sizes)


HEAVY: Final[Mapping[str, Read]] = {
    "sweeps": _sweeps,
    "races": _races,
    "slices": _slices,
    "spectra": _spectra,
    "connectivity": _connectivity,
    "gradient_flows": _gradient_flows,
}
