"""Compression as a plan: spectra of the layers, then their ranks, then their factors if these are asked for."""

from collections.abc import Sequence
from typing import Final

from service.core.ground.numbers.arrays import FloatArray
from service.operations.mapping.compression import LayerData, layers_of, target_of
from service.operations.plans.compression_answer import CompressionHeading, LayerHeading
from service.operations.plans.compression_chunks import FUNCTIONS
from service.operations.plans.plan import Chunk, Json, Plan, Work
from service.schemas.compression import CompressionRequest
from service.settings import Limits
from service.version import ENGINE_VERSION

CHUNK_S: Final = 0.5
# measured on one core: the fixed work, a layer, an option of a layer, and what is cubic in its sides
FIXED_S: Final = 4e-3
PER_LAYER_S: Final = 2e-4
PER_OPTION_S: Final = 2e-7
SEARCH_S: Final = 2e-6
LONGEST_SEARCH_S: Final = 0.1
VALUES_S: Final = 2.5e-10
FACTORS_S: Final = 5e-10
TRIANGLE_S: Final = 1e-10
PRODUCT_S: Final = 5e-11


def compression_plan(request: CompressionRequest, limits: Limits) -> Plan:
    """Cut a compression into chunks: a layer each, or several small ones.

    Raises
    ------
    InputError, LimitExceeded
        Before anything is computed.
    """
    layers = layers_of(request, limits)
    target = target_of(request, layers)
    heading = CompressionHeading(
        layers=[
            LayerHeading(
                name=layer.name,
                shape=layer.shape,
                kind=layer.kind,
                corrected=layer.corrected,
                least=layer.least,
            )
            for layer in layers
        ],
        ranks=target.ranks,
        budget=target.budget,
        error=target.error,
        relative=request.relative,
        weighting=request.weighting,
        factors=request.return_.factors,
        errors=request.return_.errors,
        model=request.model,
        engine_version=ENGINE_VERSION,
    )
    told = {"heading": heading.model_dump(mode="json")}
    costs = [_layer_s(layer, VALUES_S) for layer in layers]
    blocks = _blocks(costs)
    chunks = [Chunk("spectra", _part(layers, block)) for block in blocks]
    chunks.append(Chunk("choice", told, tuple(range(len(blocks)))))
    options = sum(min(layer.shape) for layer in layers)
    cost_s = FIXED_S + sum(costs) + PER_OPTION_S * options + min(SEARCH_S * options, LONGEST_SEARCH_S)
    if request.return_.factors:
        costs = [_layer_s(layer, FACTORS_S) for layer in layers]
        chunks += [Chunk("factors", _part(layers, block), (len(blocks),)) for block in _blocks(costs)]
        cost_s += sum(costs)
    return Plan(chunks, "assemble", {**told, "blocks": len(blocks)}, _arrays(layers), cost_s)


def _layer_s(layer: LayerData, per_cubic_s: float) -> float:
    """Seconds for one layer, whose decomposition costs so much."""
    if layer.matrix is None:
        return PER_LAYER_S
    outputs, inputs = layer.shape
    root_s, seen = 0.0, inputs
    if layer.inputs is not None:
        rows = layer.inputs.shape[0]
        seen = min(rows, inputs)
        root_s = (VALUES_S if layer.kind == "moments" else TRIANGLE_S) * rows * inputs * seen
        root_s += PRODUCT_S * outputs * inputs * seen
    return PER_LAYER_S + root_s + per_cubic_s * outputs * seen * min(outputs, seen)


def _blocks(costs: Sequence[float]) -> list[list[int]]:
    """Layers one after the other, as many as a chunk takes."""
    blocks: list[list[int]] = []
    spent = CHUNK_S
    for index, cost in enumerate(costs):
        if spent + cost > CHUNK_S:
            blocks.append([])
            spent = 0.0
        blocks[-1].append(index)
        spent += cost
    return blocks


def _part(layers: Sequence[LayerData], block: Sequence[int]) -> dict[str, Json]:
    return {"layers": list(block), "kinds": [layers[index].kind for index in block]}


def _arrays(layers: Sequence[LayerData]) -> dict[str, FloatArray]:
    found = {}
    for index, layer in enumerate(layers):
        for name in ("matrix", "spectrum", "inputs"):
            array = getattr(layer, name)
            if array is not None:
                found[f"{name}_{index}"] = array
    return found


# the decomposition of one layer is never cut
WORK: Final = Work(compression_plan, FUNCTIONS, longest_chunk_s=600.0)
