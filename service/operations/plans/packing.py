"""A problem of the core as JSON and arrays, so that chunks need not read the request again."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from service.core.ground.data.conditioned import moments_of_factor
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor
from service.core.ground.problems import Layer, Moments, Network, Problem, Samples, Skip
from service.operations.plans.plan import Arrays, Json
from service.vocabulary import Activation, Bias, Loss, SkipKind

MOMENT_ARRAYS = ("xx", "xy", "x_mean", "y_mean", "sizes")
FACTOR_ARRAYS = ("x_mean", "y_mean", "scale", "r")


def pack(problem: Problem) -> tuple[Mapping[str, Json], dict[str, FloatArray]]:
    """JSON, and arrays in the shapes of `Problem`, of a feedforward problem with data; exact both ways."""
    network = problem.network
    layers = [
        {name: value for name, value in asdict(layer).items() if name != "frozen_weights"} for layer in network.layers
    ]
    packed: Mapping[str, Json] = {
        "layers": layers,
        "input_noise_variance": network.input_noise_variance,
        "bias": network.bias,
        "bias_weight_decays": list(network.bias_weight_decays),
        "skips": [[skip.source, skip.target, skip.kind, skip.weight_decay] for skip in network.skips],
        "loss": problem.loss,
        "most_numbers": problem.most_numbers,
        "data": scalars_of(problem.data),
        "evaluation": None if problem.evaluation is None else scalars_of(problem.evaluation),
    }
    arrays = arrays_of_moments(problem.data, "data")
    if problem.evaluation is not None:
        arrays |= arrays_of_moments(problem.evaluation, "evaluation")
    for index, layer in enumerate(network.layers):
        if layer.frozen_weights is not None:
            arrays[_frozen(index)] = layer.frozen_weights
    if problem.samples is not None:
        arrays |= {"samples_x": problem.samples.x, "samples_y": problem.samples.y}
        if problem.samples.loss_parameter is not None:
            packed = {**packed, "loss_parameter": problem.samples.loss_parameter}
        if problem.samples.weights is not None:
            arrays["samples_weights"] = problem.samples.weights
    return packed, arrays


def unpack(packed: Mapping[str, Json], arrays: Arrays) -> Problem:
    """Invert `pack`."""
    layers = tuple(
        Layer(
            **{**layer, "activation": Activation(layer["activation"]), "width": int(layer["width"])},
            frozen_weights=_float(arrays[_frozen(index)]) if _frozen(index) in arrays else None,
        )
        for index, layer in enumerate(packed["layers"])
    )
    network = Network(
        layers=layers,
        input_noise_variance=packed["input_noise_variance"],
        bias=Bias(packed["bias"]),
        bias_weight_decays=tuple(packed["bias_weight_decays"]),
        skips=tuple(
            Skip(int(source), int(target), SkipKind(kind), float(decay))
            for source, target, kind, decay in packed["skips"]
        ),
    )
    samples = None
    if "samples_x" in arrays:
        weights = _float(arrays["samples_weights"]) if "samples_weights" in arrays else None
        parameter = packed.get("loss_parameter")
        samples = Samples(_float(arrays["samples_x"]), _float(arrays["samples_y"]), weights, parameter)
    evaluation = packed["evaluation"]
    return Problem(
        network=network,
        moments=moments_of_arrays(packed["data"], arrays, "data"),
        samples=samples,
        loss=Loss(packed["loss"]),
        most_numbers=int(packed["most_numbers"]),
        evaluation=None if evaluation is None else moments_of_arrays(evaluation, arrays, "evaluation"),
    )


def _frozen(index: int) -> str:
    return f"frozen_{index}"


def scalars_of(moments: Moments) -> Mapping[str, float | None]:
    """What of moments is no array."""
    return {"yy": moments.yy, "n": moments.n}


def arrays_of_moments(moments: Moments, prefix: str) -> dict[str, FloatArray]:
    """The factor r (d + k, d + k) of the samples where there is one, from which moments come again, digit for digit."""
    if moments.factor is not None:
        found = {name: getattr(moments.factor, name) for name in FACTOR_ARRAYS}
    else:
        found = {name: getattr(moments, name) for name in MOMENT_ARRAYS}
    return {f"{prefix}_{name}": value for name, value in found.items() if value is not None}


def moments_of_arrays(scalars: Mapping[str, Json], arrays: Arrays, prefix: str) -> Moments:
    """Moments of what `scalars_of` and `arrays_of_moments` have made of them."""
    names = (*MOMENT_ARRAYS, *FACTOR_ARRAYS)
    columns: dict[str, Any] = {
        name: _float(arrays[f"{prefix}_{name}"]) for name in names if f"{prefix}_{name}" in arrays
    }
    if "r" in columns:
        return moments_of_factor(Factor(n=int(scalars["n"]), **columns))
    return Moments(yy=scalars["yy"], n=scalars["n"], **columns)


def _float(array: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(array, dtype=np.float64)
