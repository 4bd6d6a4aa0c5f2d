"""How long a problem will take, from its shapes alone; decides what may run on the event loop."""

from collections.abc import Mapping
from typing import Final

from service.operations.mapping.examples import BY_NAME
from service.schemas.data import Data, Evaluation, EvaluationMoments, EvaluationSamples, Example
from service.schemas.diagnose import DiagnoseRequest
from service.schemas.landscape import LandscapeRequest
from service.schemas.problem import Problem
from service.schemas.ranks import RanksRequest
from service.schemas.request import MinimaRequest

# measured on one core: fixed work, one eigendecomposition, products of samples, conversion of numbers
FIXED_S: Final = 1.5e-3
PER_CUBIC_S: Final = 1.2e-9
PER_PRODUCT_S: Final = 4e-10
PER_NUMBER_S: Final = 1e-7
RULES_S: Final = 3e-3
PER_FACT_S: Final = 1e-7
WITNESSES_S: Final = 0.5
RANKS_FIXED_S: Final = 2e-3
PER_RANK_FACT_S: Final = 2e-9
PER_SNAPSHOT_S: Final = 1e-3
# the scalar problems of the singular directions and their list
PER_CLASS_SQUARED_S: Final = 1.5e-5
# a diagnosis evaluates some hundred losses and the spectrum of the Hessian
DIAGNOSIS_S: Final = 2e-2
PER_PARAMETER_S: Final = 1e-4

# solvers that search: seconds, to be multiplied by these powers of the number of layers and of inputs
SEARCH_S: Final[Mapping[str, tuple[float, float, float]]] = {
    "nuclear_norm": (0.02, 0.0, 0.0),
    "rank_one_bottleneck": (0.05, 0.0, 0.0),
    "deep_bounded": (0.004, 0.0, 0.5),
    "noisy_bounded": (0.004, 1.5, 0.9),
}


def estimate_s(request: MinimaRequest) -> float:
    """Seconds that one answer takes on one core, to within a small factor."""
    return problem_s(request.problem) + PER_NUMBER_S * _returned_numbers(request)


def problem_s(problem: Problem) -> float:
    """Seconds to read and solve a problem, by the slowest solver that its shapes may lead to."""
    layers = problem.network.layers
    if layers[-1].width == 1 or len(layers) == 1:
        return reading_s(problem)
    if any(layer.noise is not None for layer in layers) or problem.network.input_noise is not None:
        return solution_s("noisy_bounded", problem)
    if any(layer.weight_decay > 0.0 for layer in layers):
        return solution_s("deep_bounded", problem)
    return reading_s(problem)


def solution_s(solver: str, problem: Problem) -> float:
    """Seconds to read a problem and solve it by the solver of this name, to within a small factor."""
    if solver not in SEARCH_S:
        return reading_s(problem)
    _, inputs = _size(problem.data)
    seconds, depth_power, inputs_power = SEARCH_S[solver]
    growth = float(len(problem.network.layers) ** depth_power * max(1, inputs) ** inputs_power)
    return reading_s(problem) + seconds * growth


def reading_s(problem: Problem) -> float:
    """Seconds to read a problem, decompose its moments and evaluate a closed form."""
    samples, inputs = _size(problem.data)
    held_out, _ = _size(getattr(problem.data, "evaluation", None))
    outputs = problem.network.layers[-1].width
    classes = len(problem.network.class_counts or ())
    frozen = max((layer.width for layer in problem.network.layers if layer.frozen_weights is not None), default=0)
    numbers = (samples + held_out or inputs) * (inputs + outputs)
    return (
        FIXED_S
        + PER_CUBIC_S * (inputs**3 + frozen**3)
        + PER_CLASS_SQUARED_S * classes**2
        + PER_PRODUCT_S * (samples + held_out) * inputs * (inputs + outputs)
        + PER_NUMBER_S * numbers
    )


def landscape_s(request: LandscapeRequest) -> float:
    """Seconds that a summary of a landscape takes; with a part that is included it never runs on the event loop."""
    samples, inputs = _size(request.problem.data)
    witnesses = WITNESSES_S * len(set(request.include))
    return problem_s(request.problem) + RULES_S + PER_FACT_S * samples * inputs + witnesses


def ranks_s(request: RanksRequest) -> float:
    """Seconds that rank predictions take: the facts about the samples, and the decompositions of snapshots."""
    samples, inputs = _size(request.problem.data)
    if isinstance(request.problem.data, Example) and request.problem.data.name in BY_NAME:
        samples = BY_NAME[request.problem.data.name].samples
    facts = PER_RANK_FACT_S * samples * (samples + inputs**2)
    return RANKS_FIXED_S + reading_s(request.problem) + facts + PER_SNAPSHOT_S * len(request.snapshots)


def diagnosis_s(request: DiagnoseRequest) -> float:
    """Seconds that a diagnosis takes on one core, to within a small factor below some thousand parameters."""
    _, inputs = _size(request.problem.data)
    widths = [inputs, *(layer.width for layer in request.problem.network.layers)]
    parameters = sum(rows * columns for rows, columns in zip(widths[1:], widths[:-1], strict=True))
    return problem_s(request.problem) + DIAGNOSIS_S + PER_PARAMETER_S * parameters


def _size(data: Data | Evaluation | None) -> tuple[int, int]:
    """Number of samples that must be reduced, and number of inputs."""
    if isinstance(data, EvaluationMoments):
        return 0, len(data.xx)
    if isinstance(data, EvaluationSamples):
        return len(data.x), len(data.x[0])
    if isinstance(data, Example) and data.name in BY_NAME:
        return 0, BY_NAME[data.name].inputs
    return 0, 0


def _returned_numbers(request: MinimaRequest) -> int:
    if request.return_.weights != "full":
        return 0
    _, inputs = _size(request.problem.data)
    widths = [inputs, *(layer.width for layer in request.problem.network.layers)]
    return sum(rows * columns for rows, columns in zip(widths[1:], widths[:-1], strict=True))
