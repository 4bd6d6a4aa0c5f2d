"""Layers of shared kernels: their shapes are checked, and analyses that do not support them refuse them."""

import math

from service.core.ground.problems import Convolution
from service.errors import Attempt, FieldError, InputError, Location, NotCovered
from service.schemas import network as wire

AT: Location = ("network", "layers")
OF_CONVOLUTIONS = ("kernel", "channels", "in_channels", "stride")


def refuse(network: wire.Network) -> None:
    """Raise `NotCovered` for a network with shared kernels."""
    for index, layer in enumerate(network.layers):
        if layer.kind == "conv":
            reason = f"layer {index + 1} is a convolution, which only ranks, invariances and landscapes support"
            raise NotCovered([Attempt("every analysis of dense networks", {"dense layers": reason})])


def shared_kernels(network: wire.Network, inputs: int) -> list[Convolution | None]:
    """What each layer shares between its places.

    Raises
    ------
    InputError
        If fields are missing or belong to the other kind, or widths are not made of whole feature maps.
    """
    problems = _contradictions(network)
    if problems:
        raise InputError(problems)
    found: list[Convolution | None] = []
    read = inputs
    for index, layer in enumerate(network.layers):
        before = found[-1] if found else None
        found.append(_convolution(layer, before, read, (*AT, index)) if layer.kind == "conv" else None)
        read = layer.width
    return found


def _convolution(layer: wire.Layer, before: Convolution | None, read: int, at: Location) -> Convolution:
    channels, taps = layer.channels or 1, math.prod(layer.kernel or [1])
    known = 1 if before is None else before.channels
    maps = known if layer.in_channels is None else layer.in_channels
    if layer.width % channels:
        raise InputError.at((*at, "width"), "must be a multiple of the channels: one entry for each channel and place")
    if before is not None and maps != known:
        raise InputError.at((*at, "in_channels"), f"must be {known}, the channels of the convolution before")
    if read % maps:
        raise InputError.at((*at, "in_channels"), f"must divide {read}, the number of entries that the layer reads")
    if taps > read // maps:
        raise InputError.at((*at, "kernel"), f"must have at most {read // maps} entries, the places of a feature map")
    return Convolution(channels, maps, taps)


def _contradictions(network: wire.Network) -> list[FieldError]:
    problems = []
    for index, layer in enumerate(network.layers):
        if layer.kind == "dense" and layer.model_fields_set.isdisjoint(OF_CONVOLUTIONS):
            continue
        at = (*AT, index)
        if layer.kind == "dense":
            given = [name for name in OF_CONVOLUTIONS if getattr(layer, name) is not None]
            problems += [FieldError((*at, name), "belongs to layers of kind conv only") for name in given]
            continue
        missing = [name for name in ("kernel", "channels") if getattr(layer, name) is None]
        problems += [FieldError((*at, name), "is required by a layer of kind conv") for name in missing]
        if layer.frozen_weights is not None:
            problems.append(FieldError((*at, "frozen_weights"), "belongs to dense layers only"))
        if network.skips:
            problems.append(FieldError(("network", "skips"), "must be empty beside layers of kind conv"))
    return problems
