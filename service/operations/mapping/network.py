"""The network of the wire to the core's, with decays in the core's convention."""

import math
from typing import Final

import numpy as np

from service.core.ground.problems import Convolution, Layer, Network, Skip
from service.errors import FieldError, InputError, LimitExceeded, Location
from service.operations.mapping.arrays import matrix
from service.operations.mapping.conventions import Scaling
from service.operations.mapping.convolutions import shared_kernels
from service.schemas import network as wire
from service.settings import Limits
from service.vocabulary import Activation, Bias, Convention, SkipKind

AT: Location = ("network",)
TINY: Final = float(np.finfo(float).tiny)


def check_size(network: wire.Network, limits: Limits) -> None:
    """Refuse a network that is larger than the limits, before anything is computed."""
    if len(network.layers) > limits.max_layers:
        raise LimitExceeded((*AT, "layers"), "max_layers", limits.max_layers, "layers")
    if len(network.skips) > limits.max_skips:
        raise LimitExceeded((*AT, "skips"), "max_skips", limits.max_skips, "skips")
    for index, layer in enumerate(network.layers):
        if layer.width > limits.max_width:
            raise LimitExceeded((*AT, "layers", index, "width"), "max_width", limits.max_width, "neurons")
    if network.layers[-1].width > limits.max_outputs:
        at = (*AT, "layers", len(network.layers) - 1, "width")
        raise LimitExceeded(at, "max_outputs", limits.max_outputs, "outputs")


def to_core(network: wire.Network, inputs: int, scaling: Scaling, convention: Convention) -> Network:
    """The network in the core's convention.

    Raises
    ------
    InputError
        If fields contradict each other, a shape does not fit or a decay leaves the range of double precision.
    """
    problems = _contradictions(network)
    if problems:
        raise InputError(problems)
    widths = [inputs, *(layer.width for layer in network.layers)]
    uneven = [
        FieldError((*AT, "skips", index), f"must join equal widths: a skip of kind {skip.kind} keeps the coordinates")
        for index, skip in enumerate(network.skips)
        if skip.kind in (SkipKind.IDENTITY, SkipKind.DIAGONAL) and widths[skip.source] != widths[skip.target]
    ]
    if uneven:
        raise InputError(uneven)
    convolutions = shared_kernels(network, inputs)
    layers = tuple(
        _layer(layer, widths[index], scaling, (*AT, "layers", index), convolutions[index])
        for index, layer in enumerate(network.layers)
    )
    return Network(
        layers=layers,
        input_noise_variance=noise_variance(network.input_noise),
        bias=network.bias,
        bias_weight_decays=_bias_decays(network, scaling, convention),
        skips=tuple(
            Skip(
                skip.source,
                skip.target,
                skip.kind,
                scaled_decay(skip.weight_decay, scaling.decay, (*AT, "skips", index, "weight_decay")),
            )
            for index, skip in enumerate(network.skips)
        ),
    )


def noise_variance(noise: wire.Noise | None) -> float:
    """Variance of mean-one noise; dropout with rate p has p / (1 - p)."""
    if noise is None:
        return 0.0
    return noise.rate / (1.0 - noise.rate) if isinstance(noise, wire.DropoutNoise) else noise.variance


def _layer(layer: wire.Layer, inputs: int, scaling: Scaling, at: Location, convolution: Convolution | None) -> Layer:
    frozen = None
    if layer.frozen_weights is not None:
        frozen = matrix(layer.frozen_weights, (*at, "frozen_weights"))
        if frozen.shape != (layer.width, inputs):
            raise InputError.at(
                (*at, "frozen_weights"), f"must be {layer.width} x {inputs}: width x inputs of the layer"
            )
    return Layer(
        width=layer.width,
        activation=layer.activation,
        slope=layer.slope,
        weight_decay=scaled_decay(layer.weight_decay, scaling.decay, (*at, "weight_decay")),
        noise_variance=noise_variance(layer.noise),
        frozen_weights=frozen,
        convolution=convolution,
    )


def _bias_decays(network: wire.Network, scaling: Scaling, convention: Convention) -> tuple[float, ...]:
    own = network.bias_weight_decay
    if own is None and convention is Convention.TORCH:
        return tuple(layer.weight_decay * scaling.decay for layer in network.layers)
    return (scaled_decay(own or 0.0, scaling.decay, (*AT, "bias_weight_decay")),) * len(network.layers)


def scaled_decay(decay: float, factor: float, at: Location) -> float:
    """A decay in the core's convention; `InputError` at ``at`` if it leaves double precision."""
    scaled = decay * factor
    if not math.isfinite(scaled) or (decay > 0.0 and scaled < TINY):
        raise InputError.at(at, beyond_convention(factor))
    return scaled


def beyond_convention(factor: float) -> str:
    """What is said of a decay that leaves double precision, times ``factor``, in the core's convention."""
    # inside by more than what is lost with three digits
    least, greatest = 1.01 * TINY / factor, 0.99 * float(np.finfo(float).max) / max(factor, 1.0)
    return (
        "leaves the range of double precision in the convention of the computation: "
        f"must be 0, or {least:.3g} to {greatest:.3g}"
    )


def _contradictions(network: wire.Network) -> list[FieldError]:
    problems = []
    last = len(network.layers) - 1
    for index, layer in enumerate(network.layers):
        at = (*AT, "layers", index)
        if layer.activation is Activation.LEAKY_RELU and layer.slope is None:
            problems.append(FieldError((*at, "slope"), "is required by leaky_relu"))
        if layer.activation is not Activation.LEAKY_RELU and layer.slope is not None:
            problems.append(FieldError((*at, "slope"), "belongs to leaky_relu only"))
        if index == last and layer.noise is not None:
            problems.append(FieldError((*at, "noise"), "belongs to hidden layers only; the last layer is the output"))
        if layer.frozen_weights is not None and network.bias in _biases_of(index, last):
            detail = f"must be one that leaves out layers/{index}: its weights are frozen, so it has no trained bias"
            problems.append(FieldError((*AT, "bias"), detail))
    for index, skip in enumerate(network.skips):
        at = (*AT, "skips", index)
        if skip.target > len(network.layers):
            problems.append(FieldError((*at, "to"), f"must be at most {len(network.layers)}, the number of layers"))
        elif skip.source >= skip.target:
            problems.append(FieldError((*at, "from"), "must be less than `to`"))
        if skip.weight_decay and skip.kind in (SkipKind.IDENTITY, SkipKind.CONCATENATE):
            problems.append(FieldError((*at, "weight_decay"), "belongs to skips that have weights"))
    return problems


def _biases_of(index: int, last: int) -> tuple[Bias, Bias]:
    """The choices of ``bias`` that put one on a layer."""
    return Bias.ALL, Bias.OUTPUT if index == last else Bias.HIDDEN
