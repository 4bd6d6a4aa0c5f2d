"""The explicit table of what the service can do; the web and the command line are compared with it by a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from service.operations.datasets import reduce_upload
from service.operations.diagnose import diagnose
from service.operations.examples import example, examples
from service.operations.landscape import landscape
from service.operations.minima import minima
from service.operations.minima_batch import minima_batch, minima_sweep, minima_table
from service.operations.plans.connectivity import connectivity_plan
from service.operations.plans.gradient_flows import gradient_flows_plan
from service.operations.plans.races import races_plan
from service.operations.plans.slices import slices_plan
from service.operations.plans.spectra import spectra_plan
from service.operations.plans.sweeps import sweeps_plan
from service.operations.problems import generate, problem, problems
from service.operations.ranks import ranks
from service.operations.theorems import theorem, theorems
from service.operations.verify import verify


@dataclass(frozen=True, slots=True)
class Operation:
    """One use case.

    Attributes
    ----------
    name : str
    function : callable
        What runs, wherever the question came from; of a heavy operation what plans it.
    route : tuple of str or None
        Method and path over HTTP.
    command : str or None
        Name on the command line.
    """

    name: str
    function: Callable[..., Any]
    route: tuple[str, str] | None
    command: str | None


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("minima", minima, ("POST", "/v1/minima"), "solve"),
    Operation("minima_batch", minima_batch, ("POST", "/v1/minima/batch"), None),
    Operation("minima_table", minima_table, ("POST", "/v1/minima/batch"), None),
    Operation("minima_sweep", minima_sweep, ("POST", "/v1/minima/batch"), None),
    Operation("landscape", landscape, ("POST", "/v1/landscape"), "landscape"),
    Operation("ranks", ranks, ("POST", "/v1/ranks"), "ranks"),
    Operation("sweeps", sweeps_plan, ("POST", "/v1/sweeps"), None),
    Operation("races", races_plan, ("POST", "/v1/races"), None),
    Operation("slices", slices_plan, ("POST", "/v1/slices"), None),
    Operation("spectra", spectra_plan, ("POST", "/v1/spectra"), None),
    Operation("connectivity", connectivity_plan, ("POST", "/v1/connectivity"), None),
    Operation("gradient_flows", gradient_flows_plan, ("POST", "/v1/gradient-flows"), "flow"),
    Operation("diagnose", diagnose, ("POST", "/v1/diagnose"), "diagnose"),
    Operation("verify", verify, None, "verify"),
    Operation("examples", examples, ("GET", "/v1/examples"), "examples"),
    Operation("example", example, ("GET", "/v1/examples/{name}"), "examples"),
    Operation("upload_dataset", reduce_upload, ("POST", "/v1/datasets"), None),
    Operation("problems", problems, ("GET", "/v1/problems"), "problems"),
    Operation("problem", problem, ("GET", "/v1/problems/{problem_id}"), "problems"),
    Operation("generate_problem", generate, ("POST", "/v1/problems"), "problems"),
    Operation("theorems", theorems, ("GET", "/v1/theorems"), "theorems"),
    Operation("theorem", theorem, ("GET", "/v1/theorems/{theorem_id}"), "theorems"),
)
