"""How long a problem will take, from its shapes alone; decides what may run on the event loop."""

from math import comb
from typing import Final

from service.core import catalogue
from service.core.ground.problems import Problem, shapes_of
from service.core.ground.roles import Search, Solver
from service.core.relu.critical import MOST_RANK
from service.operations.flatness_cost import flatness_s
from service.operations.mapping.examples import BY_NAME
from service.schemas.data import Data, Evaluation, EvaluationFactor, EvaluationMoments, EvaluationSamples, Example
from service.schemas.diagnose import DiagnoseRequest
from service.schemas.generated import GeneratedParameters
from service.schemas.landscape import LandscapeRequest
from service.schemas.problem import ProblemDocument
from service.schemas.ranks import RanksRequest
from service.schemas.request import MinimaRequest
from service.vocabulary import Activation, Bias, Loss

# measured on one core: fixed work, one eigendecomposition, products of samples, conversion of numbers
FIXED_S: Final = 1.5e-3
PER_CUBIC_S: Final = 1.2e-9
PER_PRODUCT_S: Final = 4e-10
PER_NUMBER_S: Final = 1e-7
RULES_S: Final = 3e-3
PER_FACT_S: Final = 1e-7
DESCENTS_S: Final = 0.1
"""Short descents with which rules look for a better network, a separating one, or an exact fit."""

WITNESSES_S: Final = 1e-2
PICTURE_S: Final = 8e-3
TRAINED_S: Final = 0.05
PER_TRAINED_PRODUCT_S: Final = 5e-7
PER_SECOND_DERIVATIVE_S: Final = 1.2e-7
WIDE_HESSIAN: Final = 2_000
RANKS_FIXED_S: Final = 2e-3
PER_RANK_FACT_S: Final = 8e-9
# samples of which no more pairs are looked at
PAIRED_SAMPLES: Final = 4_472
PER_SNAPSHOT_S: Final = 1e-3
# noise without decay on three layers or more
NOISE_ALONE_S: Final = 0.02
PER_NOISY_INPUT_S: Final = 3e-3
# the map and its directions where there are several outputs
PER_MAP_ENTRY_S: Final = 5e-6
# the scalar problems of the singular directions and their list
PER_CLASS_SQUARED_S: Final = 1.5e-5
# a diagnosis evaluates some hundred losses and the spectrum of the Hessian
DIAGNOSIS_S: Final = 3e-3
PER_PARAMETER_S: Final = 3e-5
# on samples it forms the Hessian column by column, and tries steps
HESSIAN_COLUMNS: Final = 1000
LINE_LOSSES: Final = 60
PER_PRODUCT_OF_SAMPLES_S: Final = 1e-9

# one layer under a convex loss: a part, its steps, and the exact sums over its samples
ONE_LAYER_S: Final = 8e-3
ONE_LAYER_STEPS: Final = 40
PER_SAMPLE_S: Final = 1.5e-5

GENERATED_S: Final = 8e-3
# training between searches, which are more with each input
RELU_S: Final = 0.04
PER_RELU_PRODUCT_S: Final = 3e-4
PER_DESCENT_S: Final = 1.0
PER_DESCENT_PRODUCT_S: Final = 4e-5
"""Six runs of L-BFGS: by product of a sample with a weight."""
PER_CONE_S: Final = 5e-5
RELU_EFFORT: Final = 50_000

WATER_FILLED_LAYERS: Final = 2
"""Up to so many layers, noise without decay has a closed form."""
SUMMARY_SEARCH_S: Final = 0.01
"""Seconds of a search above which a summary of a landscape leaves it out unless it is asked for."""


def estimate_s(request: MinimaRequest) -> float:
    """Seconds that one answer takes on one core, to within a small factor."""
    return problem_s(request.problem) + _flatness_s(request) + PER_NUMBER_S * _returned_numbers(request)


def _flatness_s(request: MinimaRequest) -> float:
    """Seconds that the parts `flatness` and `learning_coefficient` add."""
    if not {"flatness", "learning_coefficient"} & {*request.include}:
        return 0.0
    network = request.problem.network
    frozen = any(layer.frozen_weights is not None or layer.noise is not None for layer in network.layers)
    return flatness_s(_widths(request.problem), rotates=not frozen and network.bias in (Bias.NONE, Bias.OUTPUT))


def problem_s(problem: ProblemDocument) -> float:
    """Seconds to read and solve a problem, by the slowest solver that its shapes may lead to."""
    layers = problem.network.layers
    if len(layers) == 1 and problem.objective.loss is not Loss.SQUARED:
        return reading_s(problem) + _one_layer_s(problem)
    if layers[-1].width == 1 or len(layers) == 1:
        return reading_s(problem)
    decayed = any(layer.weight_decay > 0.0 for layer in layers)
    noisy = any(layer.noise is not None for layer in layers) or problem.network.input_noise is not None
    if noisy and not decayed:
        searched = NOISE_ALONE_S + PER_NOISY_INPUT_S * size_of(problem.data)[1]
        return solution_s(None, problem) + (searched if len(layers) > WATER_FILLED_LAYERS else 0.0)
    if noisy:
        return solution_s(catalogue.SEARCHES[Search.WITH_NOISE], problem)
    if decayed:
        narrow = min(layer.width for layer in layers) == 1
        return solution_s(catalogue.SEARCHES[Search.THROUGH_ONE_UNIT if narrow else Search.WITH_DECAY], problem)
    return solution_s(None, problem)


def _one_layer_s(problem: ProblemDocument) -> float:
    """Seconds of the steps of a search and of a proof for one layer, whose samples are gone through in each of them."""
    samples, inputs = size_of(problem.data)[0] or _samples(problem), size_of(problem.data)[1] + 1
    outputs = problem.network.layers[-1].width
    together = outputs if problem.objective.loss is Loss.CROSS_ENTROPY else 1
    product = samples * inputs**2 * together * outputs
    return ONE_LAYER_S * outputs + ONE_LAYER_STEPS * PER_PRODUCT_S * product + PER_SAMPLE_S * samples * outputs


def solution_s(solver: Solver | None, problem: ProblemDocument) -> float:
    """Seconds to read a problem and solve it by a solver, or by some closed form, to within a small factor."""
    widths = _widths(problem)
    searched = 0.0 if solver is None or solver.seconds is None else solver.seconds(widths)
    return reading_s(problem) + PER_MAP_ENTRY_S * widths[0] * (widths[-1] - 1) + searched


def relu_s(samples: int, inputs: int, effort: int) -> float:
    """Seconds to certify a ReLU network: by the patterns of its samples, which the cones of a search grow with."""
    patterns = 2 * sum(comb(max(samples, 1) - 1, k) for k in range(min(samples, inputs, MOST_RANK)))
    trained = RELU_S * min(inputs, MOST_RANK) ** 2 + PER_RELU_PRODUCT_S * samples * inputs
    return trained + PER_CONE_S * min(float(patterns), 4.0 * effort)


def bounded_relu_s(problem: Problem, effort: int) -> float:
    """Seconds to bound a ReLU network: its runs of L-BFGS, and the cones of its proofs."""
    samples = problem.samples
    count, inputs = (1, 1) if samples is None else (len(samples.x), int(samples.x.shape[1]))
    weights = sum(rows * columns for rows, columns in shapes_of(problem.network, inputs))
    runs = PER_DESCENT_S + PER_DESCENT_PRODUCT_S * count * weights
    outputs = problem.network.n_layers == 2 and problem.network.outputs > 1
    patterns = 2 * sum(comb(max(count, 1) - 1, k) for k in range(min(count, inputs, MOST_RANK)))
    return runs + PER_CONE_S * min(float(patterns), float(effort)) * (1.0 if outputs else 0.1)


def left_out_of_summaries(problem: ProblemDocument) -> dict[str, str]:
    """Solvers whose search for the minimum would take longer than a summary, and what is reported instead."""
    widths = _widths(problem)
    seconds = {solver.name: solver.seconds(widths) for solver, _ in catalogue.SOLVERS if solver.seconds is not None}
    return {
        solver: f"the minimum would have to be searched for, which takes some {taken:.1g} s; "
        "`include` with minimum, or an analysis of minima, does it"
        for solver, taken in seconds.items()
        if taken > SUMMARY_SEARCH_S
    }


def reading_s(problem: ProblemDocument) -> float:
    """Seconds to read a problem, decompose its moments and evaluate a closed form."""
    samples, inputs = size_of(problem.data)
    held_out, _ = size_of(getattr(problem.data, "evaluation", None))
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
    samples, inputs = size_of(request.problem.data)
    solved = problem_s(request.problem)
    if "minimum" not in request.include:
        solved = min(solved, reading_s(request.problem) + SUMMARY_SEARCH_S)
    parts = WITNESSES_S if "witnesses" in request.include else 0.0
    pictures = {*request.include} - {"minimum", "witnesses"}
    if pictures:
        parts += _point_s(request.problem) + PICTURE_S * len(pictures)
    if "hessian" in pictures:
        parts += PER_SECOND_DERIVATIVE_S * min(_parameters(request.problem), WIDE_HESSIAN) ** 2
    if samples and len(request.problem.network.layers) > 1 and not _is_linear(request.problem):
        parts += DESCENTS_S
    return solved + RULES_S + PER_FACT_S * samples * inputs + parts


def _is_linear(problem: ProblemDocument) -> bool:
    return all(layer.activation is Activation.LINEAR for layer in problem.network.layers)


def _samples(problem: ProblemDocument) -> int:
    """Number of samples, those of a bundled data set, too."""
    if isinstance(problem.data, Example) and problem.data.name in BY_NAME:
        return BY_NAME[problem.data.name].samples
    return size_of(problem.data)[0]


def _point_s(problem: ProblemDocument) -> float:
    """Seconds to find the point that pictures show: the minimum, or where training ends if none is known."""
    if _is_linear(problem):
        return problem_s(problem)
    samples, _ = size_of(problem.data)
    return TRAINED_S + PER_TRAINED_PRODUCT_S * samples * _parameters(problem)


def ranks_s(request: RanksRequest) -> float:
    """Seconds that rank predictions take: the facts about the samples, and the decompositions of snapshots."""
    inputs, samples = size_of(request.problem.data)[1], _samples(request.problem)
    pairs = samples if samples <= PAIRED_SAMPLES else 0
    facts = PER_RANK_FACT_S * samples * (pairs + inputs**2)
    return RANKS_FIXED_S + reading_s(request.problem) + facts + PER_SNAPSHOT_S * len(request.snapshots)


def diagnosis_s(request: DiagnoseRequest) -> float:
    """Seconds that a diagnosis takes on one core, to within a small factor below some thousand parameters."""
    parameters = _parameters(request.problem)
    solved = problem_s(request.problem) + DIAGNOSIS_S + PER_PARAMETER_S * parameters + _verdict_s(request)
    if _is_linear(request.problem) and request.problem.objective.loss is Loss.SQUARED:
        return solved
    products = min(parameters, HESSIAN_COLUMNS) + LINE_LOSSES
    return solved + PER_PRODUCT_OF_SAMPLES_S * _samples(request.problem) * parameters * products


def _verdict_s(request: DiagnoseRequest) -> float:
    """Seconds that the verdict on a two-layer ReLU network takes."""
    layers = request.problem.network.layers
    if len(layers) != 2 or layers[0].activation not in (Activation.RELU, Activation.LEAKY_RELU):
        return 0.0
    return relu_s(_samples(request.problem), inputs_of(request.problem), request.effort // 4)


def generated_s(parameters: GeneratedParameters) -> float:
    """Seconds that a test problem takes: its answer holds the data twice, which takes longer to write than to solve."""
    outputs, samples = parameters.outputs, parameters.samples or 2 * (parameters.inputs + parameters.outputs)
    searched = 0.0 if parameters.activation is None else relu_s(samples, parameters.inputs, RELU_EFFORT)
    return searched + GENERATED_S + 4.0 * PER_NUMBER_S * samples * (parameters.inputs + outputs)


def inputs_of(problem: ProblemDocument) -> int:
    """Number of inputs that a problem's data show; 0 where nothing was read yet."""
    return size_of(problem.data)[1]


def _widths(problem: ProblemDocument) -> list[int]:
    _, inputs = size_of(problem.data)
    return [inputs, *(layer.width for layer in problem.network.layers)]


def _parameters(problem: ProblemDocument) -> int:
    widths = _widths(problem)
    return sum(rows * columns for rows, columns in zip(widths[1:], widths[:-1], strict=True))


def size_of(data: Data | Evaluation | None) -> tuple[int, int]:
    """Number of samples that must be reduced, and number of inputs."""
    if isinstance(data, EvaluationMoments):
        return 0, len(data.xx)
    if isinstance(data, EvaluationFactor):
        return 0, len(data.x_mean)
    if isinstance(data, EvaluationSamples):
        return len(data.x), len(data.x[0])
    if isinstance(data, Example) and data.name in BY_NAME:
        return 0, BY_NAME[data.name].inputs
    return 0, 0


def _returned_numbers(request: MinimaRequest) -> int:
    if request.return_.weights != "full":
        return 0
    return _parameters(request.problem)
