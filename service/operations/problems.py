"""Test problems with a known minimum, made from parameters and a seed."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from service.core.generated import generated_samples
from service.errors import InputError, LimitExceeded, NotFound
from service.operations.mapping.snippet import pytorch_snippet
from service.operations.minima import minima
from service.schemas.generated import GeneratedList, GeneratedParameters, GeneratedProblem
from service.schemas.parsing import validated
from service.schemas.problem import Problem
from service.schemas.request import MinimaRequest, ReturnOptions
from service.settings import Limits

SUITE: Final[Mapping[str, GeneratedParameters]] = {
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
    rows = [{"id": problem_id(row), "title": title, "parameters": completed(row)} for title, row in SUITE.items()]
    return GeneratedList.model_validate({"problems": rows})


def suite_problem(wanted: str, limits: Limits) -> GeneratedProblem:
    """A problem of the standard suite by its id; raises `NotFound`."""
    for row in SUITE.values():
        if problem_id(row) == wanted:
            return generate(row, limits)
    raise NotFound("the standard suite has no such problem; any other is made anew from its parameters")


def generate(parameters: GeneratedParameters, limits: Limits) -> GeneratedProblem:
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
    made = generated_samples(
        parameters.inputs,
        parameters.outputs,
        samples,
        parameters.conditioning,
        sorted(parameters.singular_values, reverse=True),
        parameters.residual,
        parameters.seed,
    )
    noise = {"kind": "gaussian", "variance": parameters.noise_variance} if parameters.noise_variance else None
    layers: list[dict[str, Any]] = [
        {"width": width, "weight_decay": parameters.weight_decay, **({"noise": noise} if noise else {})}
        for width in parameters.hidden_widths
    ]
    layers.append({"width": parameters.outputs, "weight_decay": parameters.weight_decay})
    problem = Problem.model_validate(
        {
            "network": {"layers": layers},
            "data": {"kind": "samples", "x": made.x.tolist(), "y": made.y.tolist()},
        }
    )
    asked = MinimaRequest.model_validate({"problem": problem, "return": ReturnOptions(weights="full")})
    answer = minima(asked, limits)
    return GeneratedProblem(
        id=problem_id(parameters),
        parameters=parameters,
        problem=problem,
        minimum=answer,
        snippet=pytorch_snippet(problem, answer.global_minimum.loss),
    )


def completed(parameters: GeneratedParameters) -> GeneratedParameters:
    """The parameters with every default filled in."""
    samples = parameters.samples or 2 * (parameters.inputs + parameters.outputs)
    return GeneratedParameters.model_validate({**parameters.model_dump(), "samples": samples})


def problem_id(parameters: GeneratedParameters) -> str:
    """``sha256:`` and the digest of the parameters with their defaults filled in."""
    text = orjson.dumps(completed(parameters).model_dump(), option=orjson.OPT_SORT_KEYS)
    return "sha256:" + hashlib.sha256(text).hexdigest()


def _check(parameters: GeneratedParameters, samples: int, limits: Limits) -> None:
    for name in ("inputs", "outputs"):
        allowed = getattr(limits, f"max_{name}")
        if getattr(parameters, name) > allowed:
            raise LimitExceeded((name,), f"max_{name}", allowed, name)
    columns = parameters.inputs + parameters.outputs
    if samples * columns > limits.max_returned_numbers:
        raise LimitExceeded(("samples",), "max_returned_numbers", limits.max_returned_numbers, "numbers in the answer")
    if samples < columns:
        raise InputError.at(("samples",), "must be at least inputs + outputs")
    if len(parameters.singular_values) > min(parameters.inputs, parameters.outputs):
        raise InputError.at(("singular_values",), "must not be more than inputs or outputs")
    if min(parameters.singular_values) < 1e-3 or max(parameters.singular_values) > 1e3:
        raise InputError.at(("singular_values",), "must be between 0.001 and 1000")
    if any(width < 1 or width > limits.max_inputs for width in parameters.hidden_widths):
        detail = f"must be between 1 and {limits.max_inputs}: the weights are returned in full"
        raise InputError.at(("hidden_widths",), detail)
