"""What the chunks of a compression compute: spectra of some layers, the choice of ranks, factors of some layers."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from service.core.compression.inputs import InputRoot, of_moments, of_samples, white
from service.core.compression.layer import best_factors, singular_values
from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError
from service.operations.plans.compression_answer import (
    ChosenRanks,
    CompressionHeading,
    assembled,
    chosen_ranks,
    spectra_of,
)
from service.operations.plans.plan import Arrays, ChunkFunction, Json, Written
from service.schemas.compression import CompressedAnswer, LowRankFactors

NOT_OF_DATA: Final = 1e-3
"""Share of the largest eigenvalue by which moments of single precision may miss being those of data."""
SMALLEST: Final = 1e-120
LARGEST: Final = 1e120
"""Ends of what is squared and added."""


def compute_spectra(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Written:
    """Singular values of some layers on their inputs."""
    values: list[Json] = []
    ranks: list[int | None] = []
    below: list[float] = []
    for index, kind in zip(arguments["layers"], arguments["kinds"], strict=True):
        if kind == "known":
            values.append(_ordinary(_array(arrays, f"spectrum_{index}"), int(index), "singular_values"))
            ranks.append(None)
            below.append(0.0)
            continue
        inputs = _root(arrays, int(index), str(kind))
        values.append(_ordinary(singular_values(_array(arrays, f"matrix_{index}"), inputs), int(index)))
        ranks.append(None if kind == "white" else inputs.rank)
        below.append(inputs.below)
    return Written({"values": values, "input_ranks": ranks, "below": below})


def compute_choice(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> ChosenRanks:
    """The rank of each layer."""
    heading = CompressionHeading.model_validate(arguments["heading"])
    return chosen_ranks(heading, spectra_of(heading, inputs))


def compute_factors(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Written:
    """Factors of some layers at their ranks; null for those that have none."""
    ranks = ChosenRanks.model_validate(inputs[0]).ranks
    found: list[Json] = []
    for index, kind in zip(arguments["layers"], arguments["kinds"], strict=True):
        rank = ranks[int(index)]
        if rank <= 0:
            found.append(None)
            continue
        factors = best_factors(_array(arrays, f"matrix_{index}"), _root(arrays, int(index), str(kind)), rank)
        found.append({"left": factors.left, "right": factors.right})
    return Written({"factors": found})


def assemble(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> CompressedAnswer:
    """Spectra, choice and factors as one answer."""
    heading, blocks = CompressionHeading.model_validate(arguments["heading"]), int(arguments["blocks"])
    spectra, chosen = spectra_of(heading, inputs[:blocks]), ChosenRanks.model_validate(inputs[blocks])
    sent = [each for part in inputs[blocks + 1 :] for each in part["factors"]]
    factors = {index: LowRankFactors.model_validate(each) for index, each in enumerate(sent) if each is not None}
    return assembled(heading, spectra, chosen, factors)


def _ordinary(values: FloatArray, index: int, field: str = "weights") -> FloatArray:
    """Singular values whose squares, and sums of them, are numbers; `InputError` for others."""
    largest = float(values[0])
    if largest > 0.0 and not SMALLEST <= largest <= LARGEST:
        size = "large" if largest > LARGEST else "small"
        detail = f"must be scaled: the outputs of the layer are too {size} to be squared in double precision"
        raise InputError.at(("layers", index, field), detail)
    return values


def _root(arrays: Arrays, index: int, kind: str) -> InputRoot:
    if kind == "white":
        return white(arrays[f"matrix_{index}"].shape[1])
    held = _array(arrays, f"inputs_{index}")
    if kind == "samples":
        return of_samples(held)
    found = of_moments(held)
    if found.below > NOT_OF_DATA:
        at = ("layers", index, "activations", "xx")
        raise InputError.at(at, "must be positive semidefinite: no inputs have these second moments")
    return found


def _array(arrays: Arrays, name: str) -> FloatArray:
    return np.asarray(arrays[name], dtype=np.float64)


FUNCTIONS: Final[Mapping[str, ChunkFunction]] = {
    "spectra": compute_spectra,
    "choice": compute_choice,
    "factors": compute_factors,
    "assemble": assemble,
}
