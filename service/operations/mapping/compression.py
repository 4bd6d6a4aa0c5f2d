"""Layers of a request as matrices, with everything refused that their shapes say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, Location, counted
from service.operations.mapping.arrays import matrix, sides
from service.operations.mapping.reading import within_limit
from service.schemas.arrays import SentMatrix
from service.schemas.compression import ActivationMoments, ActivationSamples, CompressionRequest, SentLayer
from service.settings import Limits

HALF: Final = 0.5
ASYMMETRY: Final = 1e-6
"""Share of the largest moment by which moments of single precision may differ from their mirror images."""


@dataclass(frozen=True)
class LayerData:
    """A layer as it is computed with.

    Attributes
    ----------
    name : str
    shape : (int, int)
        Outputs and inputs.
    matrix : (outputs, inputs) array or None
        What is to be replaced: the weights, or what a correction lacks; None where the spectrum is known.
    spectrum : array or None
    kind : {"white", "moments", "samples", "known"}
        What ``inputs`` are; ``known``: the spectrum holds them.
    inputs : array or None
        Second moments or samples.
    corrected : bool
        Whether the factors are added to a matrix that stays.
    least : int
        Least rank.
    """

    name: str
    shape: tuple[int, int]
    matrix: FloatArray | None
    spectrum: FloatArray | None
    kind: str
    inputs: FloatArray | None
    corrected: bool
    least: int

    @property
    def numbers(self) -> int:
        """Numbers of the matrix."""
        return self.shape[0] * self.shape[1]

    @property
    def step(self) -> int:
        """Numbers of the factors for each rank."""
        return self.shape[0] + self.shape[1]

    @property
    def least_numbers(self) -> int:
        """Numbers that it stores at least."""
        if self.corrected:
            return min(self.least, *self.shape) * self.step
        return self.least * self.step if self.least * self.step < self.numbers else self.numbers

    @property
    def most_numbers(self) -> int:
        """Numbers that it stores at most."""
        return min(self.shape) * self.step if self.corrected else self.numbers


def layers_of(request: CompressionRequest, limits: Limits) -> list[LayerData]:
    """The layers.

    Raises
    ------
    InputError, LimitExceeded
        Where shapes do not fit, names repeat, or activations are not those of the layer.
    """
    within_limit(len(request.layers), limits.max_layers, "max_layers", "layers", ("layers",))
    found = [_layer(layer, ("layers", index), limits) for index, layer in enumerate(request.layers)]
    seen: set[str] = set()
    for index, layer in enumerate(found):
        if layer.name in seen:
            raise InputError.at(("layers", index, "name"), "must differ from the names of the layers before it")
        seen.add(layer.name)
    if request.return_.factors:
        for index, layer in enumerate(found):
            if layer.matrix is None:
                raise InputError.at(("layers", index, "weights"), "is required for factors: singular values have none")
    return found


def _layer(layer: SentLayer, at: Location, limits: Limits) -> LayerData:
    if layer.weights is None and layer.singular_values is None:
        raise InputError.at((*at, "weights"), "is required, or `singular_values` with `shape`")
    if layer.weights is not None and layer.singular_values is not None:
        raise InputError.at((*at, "singular_values"), "must be left out beside `weights`, which have them")
    return _of_spectrum(layer, at) if layer.weights is None else _of_weights(layer, layer.weights, at, limits)


def _of_spectrum(layer: SentLayer, at: Location) -> LayerData:
    if layer.shape is None:
        raise InputError.at((*at, "shape"), "is required beside `singular_values`: outputs and inputs")
    if layer.correction_of is not None:
        raise InputError.at((*at, "correction_of"), "must be left out beside `singular_values`: send `weights`")
    if layer.activations.kind != "white":
        raise InputError.at((*at, "activations"), "must be left out beside `singular_values`, which hold them")
    for place, size in enumerate(layer.shape):
        if size < 1:
            raise InputError.at((*at, "shape", place), "must be at least 1")
    outputs, inputs = layer.shape
    values = np.asarray(layer.singular_values, dtype=np.float64)
    if values.size != min(outputs, inputs):
        detail = f"must have {counted(min(outputs, inputs), 'entry', 'entries')}, the smaller side of `shape`"
        raise InputError.at((*at, "singular_values"), detail)
    if values[-1] < 0.0 or np.any(np.diff(values) > 0.0):
        raise InputError.at((*at, "singular_values"), "must be descending and not negative")
    return LayerData(
        layer.name,
        (outputs, inputs),
        None,
        values,
        "known",
        None,
        corrected=False,
        least=_least(layer, corrected=False),
    )


def _of_weights(layer: SentLayer, sent: SentMatrix, at: Location, limits: Limits) -> LayerData:
    if layer.shape is not None:
        raise InputError.at((*at, "shape"), "must be left out beside `weights`, which have one")
    weights = _array(sent, (*at, "weights"), limits)
    corrected = layer.correction_of is not None
    if layer.correction_of is not None:
        rounded = _array(layer.correction_of, (*at, "correction_of"), limits)
        if rounded.shape != weights.shape:
            raise InputError.at((*at, "correction_of"), f"must be {sides(weights.shape)}, as the weights are")
        weights = weights - rounded
    outputs, inputs = weights.shape
    activations, held = layer.activations, None
    if isinstance(activations, ActivationMoments):
        held = _moments(activations, inputs, (*at, "activations", "xx"), limits)
    elif isinstance(activations, ActivationSamples):
        place = (*at, "activations", "x")
        held = _array(activations.x, place, limits)
        if held.shape[1] != inputs:
            raise InputError.at(place, f"must have {counted(inputs, 'column')}, one for each input of the layer")
    return LayerData(
        layer.name,
        (outputs, inputs),
        weights,
        None,
        activations.kind,
        held,
        corrected=corrected,
        least=_least(layer, corrected=corrected),
    )


def _moments(sent: ActivationMoments, inputs: int, at: Location, limits: Limits) -> FloatArray:
    xx = _array(sent.xx, at, limits)
    if xx.shape != (inputs, inputs):
        raise InputError.at(at, f"must be {inputs} x {inputs}: the layer has {counted(inputs, 'input')}")
    size = float(np.abs(xx).max())
    if float(np.abs(xx - xx.T).max()) > ASYMMETRY * size:
        raise InputError.at(at, "must be symmetric")
    if float(np.diagonal(xx).min()) < 0.0:
        raise InputError.at(at, "must have no negative number on its diagonal, which holds mean squares")
    symmetric: FloatArray = 0.5 * xx + 0.5 * xx.T
    return symmetric


def _array(sent: SentMatrix, at: Location, limits: Limits) -> FloatArray:
    found = matrix(sent, at) if isinstance(sent, list) else np.asarray(sent, dtype=np.float64)
    if not found.size:
        raise InputError.at(at, "must have at least 1 entry")
    within_limit(found.size, limits.max_data_numbers, "max_data_numbers", "numbers", at)
    return found


def _least(layer: SentLayer, *, corrected: bool) -> int:
    return (0 if corrected else 1) if layer.least_rank is None else layer.least_rank


@dataclass(frozen=True)
class SizeTarget:
    """How small the layers are to become.

    Attributes
    ----------
    ranks : list of (int or None), or None
        None in the place of a rank: the matrix as it is.
    budget : float or None
        In numbers.
    error : float or None
        As it was sent.
    """

    ranks: list[int | None] | None = None
    budget: float | None = None
    error: float | None = None


def target_of(request: CompressionRequest, layers: Sequence[LayerData]) -> SizeTarget:
    """What the request asks for.

    Raises
    ------
    InputError
        For more than one wish, a budget below the least or above the most, ranks that no layer has.
    """
    asked = [name for name in ("ranks", "budget", "error") if getattr(request, name) is not None]
    if len(asked) > 1:
        raise InputError.at((asked[1],), f"must be left out: `{asked[0]}` says how small the layers become")
    if request.relative and request.error is None:
        raise InputError.at(("relative",), "must be left out without `error`, of which it speaks")
    if request.ranks is not None:
        return SizeTarget(ranks=_ranks(request.ranks, layers))
    if request.error is not None:
        if request.relative and request.error > 1.0:
            raise InputError.at(("error",), "must be at most 1: a share of the error of leaving every layer out")
        return SizeTarget(error=request.error)
    before = sum(layer.numbers for layer in layers)
    least, most = sum(layer.least_numbers for layer in layers), sum(layer.most_numbers for layer in layers)
    if request.budget is None:
        return SizeTarget(budget=max(HALF * before, least))
    budget = request.budget * before if request.budget < 1.0 else request.budget
    if budget < least:
        raise InputError.at(
            ("budget",),
            f"must be at least {least:,} numbers ({least / before:.3g} of {before:,}): no layer becomes smaller than "
            "its least rank",
        )
    if budget > most:
        raise InputError.at(("budget",), f"must be at most {most:,} numbers: more are of no use")
    return SizeTarget(budget=budget)


def _ranks(ranks: Sequence[int | None], layers: Sequence[LayerData]) -> list[int | None]:
    if len(ranks) != len(layers):
        raise InputError.at(("ranks",), f"must have {counted(len(layers), 'entry', 'entries')}, one for each layer")
    for index, (rank, layer) in enumerate(zip(ranks, layers, strict=True)):
        if rank is None and layer.corrected:
            raise InputError.at(("ranks", index), "must be a number: a correction is no matrix that is kept")
        if rank is not None and not 0 <= rank <= min(layer.shape):
            raise InputError.at(("ranks", index), f"must be 0 to {min(layer.shape)}, or null to keep the matrix")
    return list(ranks)
