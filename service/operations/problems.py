"""Test problems with a known minimum, made from parameters and a seed."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
import orjson

from service.core.ground.problems import Samples
from service.core.several_outputs.generated import fit_on_samples, generated_samples, singular_values_for
from service.errors import InputError, LimitExceeded, Location, NotFound
from service.operations.mapping import weights as weights_mapping
from service.operations.mapping.snippet import Provenance, pytorch_snippet
from service.operations.minima import minima
from service.operations.relu_problems import check_relu, relu_problem
from service.schemas.base import applicable
from service.schemas.data import Samples as SamplesDocument
from service.schemas.generated import GeneratedList, GeneratedParameters, GeneratedProblem, GeneratedSummary
from service.schemas.minima import MinimaAnswer
from service.schemas.network import GaussianNoise, Layer, Network
from service.schemas.parsing import validated
from service.schemas.problem import ProblemDocument
from service.schemas.relu import ReluMinimaAnswer
from service.schemas.request import MinimaRequest, ReturnOptions
from service.settings import Limits
from service.vocabulary import PointClass

LEAST_VALUE: Final = 1e-3
LARGEST_VALUE: Final = 1e3
DISTINCT: Final = 1e-9
NEARLY_PERFECT: Final = 1e-3
"""Share of the mean square of the targets below which a minimum is evaluated on the samples once more."""

DEFAULT_GAP: Final = 0.1
MOST_BY_DEFAULT: Final = 10
"""Singular values that are chosen where nothing is said about them."""

SUITE: Final[Mapping[str, GeneratedParameters]] = {
    "white inputs through two layers without decay": GeneratedParameters(
        inputs=6, outputs=4, hidden_widths=[8], singular_values=[4.0, 3.0, 2.0, 1.0], residual=0.1
    ),
    "one output of three layers with decay, condition 100": GeneratedParameters(
        inputs=8, outputs=1, hidden_widths=[16, 16], conditioning=1e2, singular_values=[2.0], weight_decay=0.01
    ),
    "two layers with decay and four outputs, condition 1000": GeneratedParameters(
        inputs=8, outputs=4, hidden_widths=[8], conditioning=1e3, singular_values=[4.0, 2.0, 1.0], weight_decay=0.02
    ),
    "one output under noise, condition 1e5": GeneratedParameters(
        inputs=10,
        outputs=1,
        hidden_widths=[32],
        conditioning=1e5,
        singular_values=[3.0],
        weight_decay=0.001,
        noise_variance=0.25,
    ),
    "three layers without decay, condition 1e6": GeneratedParameters(
        inputs=8, outputs=4, hidden_widths=[8, 8], conditioning=1e6, singular_values=[3.0, 2.0, 1.0], residual=0.1
    ),
    "a bottleneck of two, condition 1e8": GeneratedParameters(
        inputs=10, outputs=6, hidden_widths=[2], conditioning=1e8, singular_values=[4.0, 3.0, 1.0], residual=0.05
    ),
    "linear regression, condition 1e10": GeneratedParameters(
        inputs=12, outputs=3, conditioning=1e10, singular_values=[3.0, 2.0, 1.0], residual=0.1
    ),
    "ill-conditioned regression through a bottleneck": GeneratedParameters(
        inputs=8, outputs=6, hidden_widths=[3], conditioning=1e4, singular_values=[4.0, 3.0, 2.0, 1.0], residual=0.1
    ),
    "three layers with decay, the weakest direction switched off": GeneratedParameters(
        inputs=6, outputs=4, hidden_widths=[5, 5], singular_values=[3.0, 2.0, 1.0, 0.1], weight_decay=0.1
    ),
    "five layers with one output, decay and noise": GeneratedParameters(
        inputs=5,
        outputs=1,
        hidden_widths=[8, 8, 8, 8],
        conditioning=10.0,
        singular_values=[2.0],
        weight_decay=0.02,
        noise_variance=0.1,
    ),
}


def parse(body: object) -> GeneratedParameters:
    """Read parameters; `InputError` with locations in ``body``."""
    return validated(GeneratedParameters, body)


def problems() -> GeneratedList:
    """The standard suite, without its numbers."""
    rows = [
        GeneratedSummary(id=problem_id(row), title=title, parameters=completed(row)) for title, row in SUITE.items()
    ]
    return GeneratedList(problems=rows)


def problem(wanted: str, limits: Limits) -> GeneratedProblem:
    """A problem of the standard suite by its id, or any other by the last part of its ``url``.

    Raises
    ------
    NotFound
        Ids are hashes, from which no parameters can be read.
    """
    for row in SUITE.values():
        if problem_id(row) == wanted:
            return generate(row, limits)
    parameters = _carried(wanted)
    if parameters is None:
        raise NotFound(
            "no problem of the standard suite has this id; any other is made again at the `url` of its answer, "
            "or by posting its parameters"
        )
    return generate(parameters, limits)


def carrying(parameters: GeneratedParameters) -> str:
    """The parameters as one part of a path."""
    return base64.urlsafe_b64encode(_canonical(parameters)).decode().rstrip("=")


def _carried(part: str) -> GeneratedParameters | None:
    """The parameters that a part of a path carries, ``None`` if it carries none."""
    try:
        content = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        return validated(GeneratedParameters, orjson.loads(content))
    except (binascii.Error, ValueError, InputError):
        return None


def generate(parameters: GeneratedParameters, limits: Limits, _problem_at: Location = ()) -> GeneratedProblem:
    """A problem with its minimum and a program that measures optimisers against it.

    Raises
    ------
    InputError
        If there are more singular values than inputs or outputs, or too few samples.
    LimitExceeded
    NotCovered
        If no solver covers the problem that the parameters describe.
    """
    parameters = completed(parameters)
    samples = parameters.samples or 0
    _check(parameters, samples, limits)
    if parameters.activation is not None:
        return _rectified(parameters, limits)
    values = _singular_values(parameters)
    made = generated_samples(
        parameters.inputs,
        parameters.outputs,
        samples,
        parameters.conditioning,
        values,
        parameters.residual,
        parameters.seed,
    )
    variance, decay = parameters.noise_variance, parameters.weight_decay
    noise = GaussianNoise(kind="gaussian", variance=variance) if variance else None
    layers = [
        applicable(Layer(width=width, weight_decay=decay, noise=noise), "noise") for width in parameters.hidden_widths
    ]
    made_problem = ProblemDocument(
        network=Network(layers=[*layers, Layer(width=parameters.outputs, weight_decay=decay)]),
        data=SamplesDocument(kind="samples", x=made.x.tolist(), y=made.y.tolist()),
    )
    asked = MinimaRequest.model_validate({"problem": made_problem, "return": ReturnOptions(weights="full")})
    answer = _with_exact_cost(minima(asked, limits), made)
    least = answer.global_minimum.loss
    above = [point.loss for point in answer.stationary_points if point.loss > least + DISTINCT * max(abs(least), 1.0)]
    return GeneratedProblem(
        id=problem_id(parameters),
        url=f"/v1/problems/{carrying(parameters)}",
        parameters=parameters,
        singular_values=values,
        problem=made_problem,
        minimum=answer,
        next_critical_value=min(above, default=None),
        snippet=pytorch_snippet(made_problem, _origin(parameters, answer)),
        reasons={} if above else {"next_critical_value": "no stationary point above the minimum is known"},
    )


def _rectified(parameters: GeneratedParameters, limits: Limits) -> GeneratedProblem:
    made, answer = relu_problem(parameters, limits)
    return GeneratedProblem(
        id=problem_id(parameters),
        url=f"/v1/problems/{carrying(parameters)}",
        parameters=parameters,
        singular_values=[],
        problem=made,
        minimum=answer,
        next_critical_value=None,
        snippet=pytorch_snippet(made, _origin(parameters, answer)),
        reasons={"next_critical_value": "the stationary points of a network with activations are not known"},
    )


def _origin(parameters: GeneratedParameters, answer: MinimaAnswer | ReluMinimaAnswer) -> Provenance:
    certificate, least = answer.certificate, answer.global_minimum.loss
    known = "proved" if certificate.kind == "certified" else "the best known"
    error = max(certificate.upper_bound, least) - min(certificate.lower_bound, least)
    return Provenance(problem_id(parameters), f"/v1/problems/{carrying(parameters)}", least, known, error)


def _with_exact_cost(answer: MinimaAnswer, samples: Samples) -> MinimaAnswer:
    """The answer with a loss near zero reported as the loss of the returned weights on the samples, to its own size."""
    minimum = answer.global_minimum
    size = float(np.mean(np.sum(samples.y**2, axis=1)))
    if minimum.weights is None or minimum.loss > NEARLY_PERFECT * size:
        return answer
    weights = weights_mapping.to_core(minimum.weights, None, ("minimum",)).weights
    fit = fit_on_samples(samples, [weight.dense() for weight in weights])
    loss = fit + minimum.terms.noise + minimum.terms.decay
    points = [
        point.model_copy(update={"loss": loss}) if point.class_ is PointClass.GLOBAL_MINIMUM else point
        for point in answer.stationary_points
    ]
    reported = minimum.model_copy(update={"loss": loss, "terms": minimum.terms.model_copy(update={"fit": fit})})
    # a bound that these weights go below holds no longer; that no loss is negative always does
    lower = answer.certificate.lower_bound if answer.certificate.lower_bound <= loss else 0.0
    gap = (loss - lower) / max(loss, 1e-6 * size)
    certificate = answer.certificate.model_copy(update={"upper_bound": loss, "lower_bound": lower, "relative_gap": gap})
    return answer.model_copy(
        update={"global_minimum": reported, "stationary_points": points, "certificate": certificate}
    )


def _singular_values(parameters: GeneratedParameters) -> list[float]:
    """Descending; those that were asked for, or those that give the wanted rank and gap."""
    if parameters.singular_values is not None:
        return sorted(parameters.singular_values, reverse=True)
    layers = len(parameters.hidden_widths) + 1
    found = singular_values_for(parameters.rank or 1, parameters.gap or 1.0, layers, parameters.weight_decay)
    if found[0] > LARGEST_VALUE or found[-1] < LEAST_VALUE:
        raise InputError.at(("gap",), "asks for singular values that are not between 0.001 and 1000")
    return list(found)


def completed(parameters: GeneratedParameters) -> GeneratedParameters:
    """The parameters with every default filled in."""
    filled = parameters.model_dump()
    filled["samples"] = parameters.samples or 2 * (parameters.inputs + parameters.outputs)
    if parameters.rank is not None and parameters.gap is None and parameters.singular_values is None:
        filled["gap"] = DEFAULT_GAP
    chosen = (parameters.rank, parameters.gap, parameters.singular_values, parameters.activation)
    if all(value is None for value in chosen):
        most = min(parameters.inputs, parameters.outputs, MOST_BY_DEFAULT)
        filled["singular_values"] = [float(value) for value in range(most, 0, -1)]
    return GeneratedParameters.model_validate(filled)


def problem_id(parameters: GeneratedParameters) -> str:
    """``sha256:`` and the digest of the parameters with their defaults filled in."""
    return "sha256:" + hashlib.sha256(_canonical(parameters)).hexdigest()


def _canonical(parameters: GeneratedParameters) -> bytes:
    return orjson.dumps(completed(parameters).model_dump(exclude_none=True), option=orjson.OPT_SORT_KEYS)


def _check(parameters: GeneratedParameters, samples: int, limits: Limits) -> None:
    for name in ("inputs", "outputs"):
        allowed = getattr(limits, f"max_{name}")
        if getattr(parameters, name) > allowed:
            raise LimitExceeded((name,), f"max_{name}", allowed, name)
    if len(parameters.hidden_widths) >= limits.max_layers:
        raise LimitExceeded(("hidden_widths",), "max_layers", limits.max_layers, "layers")
    columns = parameters.inputs + parameters.outputs
    if samples * columns > limits.max_returned_numbers:
        raise LimitExceeded(("samples",), "max_returned_numbers", limits.max_returned_numbers, "numbers in the answer")
    if samples < columns:
        raise InputError.at(("samples",), "must be at least inputs + outputs")
    if parameters.activation is not None:
        check_relu(parameters)
    else:
        _check_target(parameters)
    if parameters.inputs == 1 and parameters.conditioning != 1.0:
        raise InputError.at(("conditioning",), "must be 1, or left out: one input has no directions to differ between")
    if any(width < 1 or width > limits.max_inputs for width in parameters.hidden_widths):
        detail = f"must be between 1 and {limits.max_inputs}: the weights are returned in full"
        raise InputError.at(("hidden_widths",), detail)


def _check_target(parameters: GeneratedParameters) -> None:
    """Singular values, or a rank and a gap; not both."""
    asked = [name for name in ("rank", "gap") if getattr(parameters, name) is not None]
    if parameters.singular_values is None:
        if parameters.rank is None:
            raise InputError.at(("rank",), "is required beside gap; leave both out for singular values by default")
        _check_chosen(parameters)
        return
    if asked:
        raise InputError.at((asked[0],), "is given beside singular_values; only one of the two ways is possible")
    if len(parameters.singular_values) > min(parameters.inputs, parameters.outputs):
        raise InputError.at(("singular_values",), "must not be more than inputs or outputs")
    if min(parameters.singular_values) < LEAST_VALUE or max(parameters.singular_values) > LARGEST_VALUE:
        raise InputError.at(("singular_values",), "must be between 0.001 and 1000")


def _check_chosen(parameters: GeneratedParameters) -> None:
    """A rank and a gap can be chosen where the critical values are known beforehand."""
    if not parameters.hidden_widths:
        raise InputError.at(("hidden_widths",), "must have an entry: without hidden layers there is one critical value")
    if (parameters.rank or 0) > min(parameters.inputs, parameters.outputs, *parameters.hidden_widths):
        raise InputError.at(("rank",), "must not be more than inputs, outputs or a hidden width")
    if parameters.noise_variance:
        raise InputError.at(("noise_variance",), "must be 0 where a gap is chosen: under noise it has no closed form")
    if parameters.weight_decay and parameters.conditioning != 1.0:
        detail = "must be 1 where a gap is chosen under decay: on other inputs critical values have no closed form"
        raise InputError.at(("conditioning",), detail)
