"""Test problems for two-layer ReLU networks, whose minimum is certified."""

from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError
from service.operations.relu_minima import minima_of_any
from service.schemas.data import Samples
from service.schemas.generated import GeneratedParameters
from service.schemas.network import Layer, Network
from service.schemas.problem import ProblemDocument
from service.schemas.relu import ReluMinimaAnswer
from service.schemas.request import MinimaRequest, ReturnOptions
from service.settings import Limits
from service.vocabulary import Activation

MOST_INPUTS: Final = 4
MOST_SAMPLES: Final = 200
TEACHER: Final = 3
"""Units of the network that the targets are made of."""


def check_relu(parameters: GeneratedParameters) -> None:
    """Refuse what a certified minimum is not known for, and parameters of linear networks.

    Raises
    ------
    InputError
    """
    if parameters.outputs != 1:
        raise InputError.at(("outputs",), "must be 1 for relu")
    if len(parameters.hidden_widths) != 1:
        raise InputError.at(("hidden_widths",), "must have one entry for relu: the minimum of two layers is certified")
    if parameters.weight_decay <= 0.0:
        raise InputError.at(("weight_decay",), "must be above 0 for relu: without it no bound is known")
    if parameters.inputs > MOST_INPUTS:
        raise InputError.at(("inputs",), f"must be at most {MOST_INPUTS} for relu, so that the minimum is certified")
    if (parameters.samples or 0) > MOST_SAMPLES:
        raise InputError.at(("samples",), f"must be at most {MOST_SAMPLES} for relu, so that the minimum is certified")
    for name in ("singular_values", "rank", "gap"):
        if getattr(parameters, name) is not None:
            raise InputError.at((name,), "belongs to linear networks only")
    for name, least in (("noise_variance", 0.0), ("conditioning", 1.0)):
        if getattr(parameters, name) != least:
            raise InputError.at((name,), f"must be {least:g}, or left out, for relu")


def relu_problem(parameters: GeneratedParameters, limits: Limits) -> tuple[ProblemDocument, ReluMinimaAnswer]:
    """Normal inputs, targets of a teacher of three units with ``residual`` added, and the certified minimum.

    Raises
    ------
    InputError
        If the network is narrower than the minimum needs.
    """
    x, y = _samples(parameters)
    decay, width = parameters.weight_decay, parameters.hidden_widths[0]
    hidden = Layer(width=width, activation=Activation.RELU, weight_decay=decay)
    problem = ProblemDocument(
        network=Network(layers=[hidden, Layer(width=1, weight_decay=decay)]),
        data=Samples(kind="samples", x=x.tolist(), y=y[:, None].tolist()),
    )
    asked = MinimaRequest.model_validate({"problem": problem, "return": ReturnOptions(weights="full")})
    answer = minima_of_any(asked, limits)
    if not isinstance(answer, ReluMinimaAnswer):
        raise TypeError("a two-layer ReLU network with decay is answered by duality")
    needed = answer.global_minimum.width_needed
    if needed > width:
        raise InputError.at(("hidden_widths", 0), f"must be at least {needed}, the units of the minimum that was found")
    return problem, answer


def _samples(parameters: GeneratedParameters) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(parameters.seed)
    x = rng.standard_normal((parameters.samples or 0, parameters.inputs))
    units = rng.standard_normal((TEACHER, parameters.inputs))
    y = np.maximum(x @ units.T, 0.0) @ rng.choice([-1.0, 1.0], TEACHER)
    size = float(y.std()) or 1.0
    return x, y / size + parameters.residual * rng.standard_normal(len(x))
