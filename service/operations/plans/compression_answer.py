"""What of a compression is known before any chunk, the choice of ranks, and the answer put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from pydantic import Field

from service.core.compression.allocation import (
    Allocation,
    least_error,
    within_budget,
    within_error,
)
from service.core.compression.layer import errors_by_rank
from service.core.compression.options import DENSE, options_of
from service.core.ground.numbers.arrays import FloatArray
from service.operations.plans.plan import Json
from service.operations.summaries.compression import summary_of_compression
from service.schemas.base import Wire, applicable
from service.schemas.compression import (
    CompressedAnswer,
    CompressedLayer,
    CompressionTotal,
    LowRankFactors,
    RankCertificate,
)
from service.schemas.model_files import OfModel
from service.vocabulary import Status

Weighting = Literal["equal", "relative"]
NOT_KNOWN: Final = "the singular values were sent, and hold the inputs"
WHITE: Final = "the inputs are taken to be white"
NO_ERROR: Final = "the error at rank 0 is zero"
KEPT: Final = "the matrix is kept as it is"
EACH_ALONE: Final = (
    "errors are those of each layer alone, on the inputs that it has read: what they do to the loss of the whole "
    "network is not said, and is to be measured"
)


class LayerHeading(Wire):
    """What is known of a layer before its spectrum."""

    name: str = Field(description="Its name.")
    shape: tuple[int, int] = Field(strict=False, description="Outputs and inputs.")
    kind: str = Field(description="What is known of its inputs.")
    corrected: bool = Field(description="Whether the factors are added to a matrix that stays.")
    least: int = Field(description="Least rank.")

    @property
    def numbers(self) -> int:
        """Numbers of the matrix."""
        return self.shape[0] * self.shape[1]


class CompressionHeading(Wire):
    """What of an answer is known before any chunk."""

    layers: list[LayerHeading] = Field(description="In the order of the request.")
    ranks: list[int | None] | None = Field(description="Ranks that were given.")
    budget: float | None = Field(description="Numbers that may be stored.")
    error: float | None = Field(description="Total error that is allowed, as it was sent.")
    relative: bool = Field(description="Whether it is a share.")
    weighting: Weighting = Field(description="What the total error adds.")
    factors: bool = Field(description="Whether factors are sent back.")
    errors: bool = Field(description="Whether errors at all ranks are sent back.")
    model: OfModel = Field(description="What a model file was read as.")
    engine_version: str = Field(description="Version of the engine that computes the answer.")


class ChosenRanks(Wire):
    """The ranks of all layers, and how good they are; what chunks of factors read."""

    ranks: list[int] = Field(description=f"Of each layer; {DENSE}: the matrix is kept as it is.")
    numbers: float = Field(description="Total that is stored.")
    error: float = Field(description="Total, by the weighting.")
    lower_bound: float = Field(description="Of the error, or of the numbers where an error was given.")
    optimal: bool = Field(description="Whether no choice is better, rounding apart.")


@dataclass(frozen=True)
class Spectra:
    """What is known of all layers once each is decomposed.

    Attributes
    ----------
    errors : list of array
        Of each layer at ranks 0 to the smaller side of its shape.
    input_ranks : list of (int or None)
    below : list of float
        By how much moments are not those of any data.
    """

    errors: list[FloatArray]
    input_ranks: list[int | None]
    below: list[float]


def spectra_of(heading: CompressionHeading, parts: Sequence[Json]) -> Spectra:
    """Errors of all layers from the results of the chunks, in their order."""
    values = [np.asarray(each, dtype=np.float64) for part in parts for each in part["values"]]
    errors = []
    for layer, known in zip(heading.layers, values, strict=True):
        sides = min(layer.shape)
        # inputs with fewer directions than the layer has leave no error at their number of ranks
        errors.append(errors_by_rank(np.append(known, np.zeros(max(sides - known.size, 0)))[:sides]))
    ranks = [None if rank is None else int(rank) for part in parts for rank in part["input_ranks"]]
    return Spectra(errors, ranks, [float(each) for part in parts for each in part["below"]])


def scales_of(heading: CompressionHeading, spectra: Spectra) -> FloatArray:
    """What the error of each layer is multiplied by in the total (l,)."""
    leaving_out = np.array([errors[0] for errors in spectra.errors])
    if heading.weighting == "equal":
        return np.ones(leaving_out.size)
    return np.where(leaving_out > 0.0, 1.0 / np.where(leaving_out > 0.0, leaving_out, 1.0), 1.0)


def chosen_ranks(heading: CompressionHeading, spectra: Spectra) -> ChosenRanks:
    """The ranks that were given, or that a budget or an error chooses."""
    scales = scales_of(heading, spectra)
    if heading.ranks is not None:
        return _given(heading, heading.ranks, spectra, scales)
    options = [
        options_of(scale * errors, layer.shape, layer.least, dense=not layer.corrected)
        for layer, errors, scale in zip(heading.layers, spectra.errors, scales, strict=True)
    ]
    if heading.budget is not None:
        found = within_budget(options, heading.budget)
    else:
        allowed = heading.error or 0.0
        if heading.relative:
            allowed *= _total_left_out(spectra, scales)
        found = within_error(options, max(allowed, least_error(options)))
    ranks = [int(each.ranks[place]) for each, place in zip(options, found.chosen, strict=True)]
    return _made(ranks, found)


def _made(ranks: list[int], found: Allocation) -> ChosenRanks:
    return ChosenRanks(
        ranks=ranks,
        numbers=found.numbers,
        error=found.error,
        lower_bound=found.lower_bound,
        optimal=found.optimal,
    )


def _total_left_out(spectra: Spectra, scales: FloatArray) -> float:
    return float(np.sum([scale * errors[0] for errors, scale in zip(spectra.errors, scales, strict=True)]))


def _given(
    heading: CompressionHeading, ranks: Sequence[int | None], spectra: Spectra, scales: FloatArray
) -> ChosenRanks:
    errors = [0.0 if rank is None else float(each[rank]) for each, rank in zip(spectra.errors, ranks, strict=True)]
    numbers = [
        layer.numbers if rank is None else rank * sum(layer.shape)
        for layer, rank in zip(heading.layers, ranks, strict=True)
    ]
    total = float(np.sum(scales * errors))
    chosen = [DENSE if rank is None else rank for rank in ranks]
    return ChosenRanks(ranks=chosen, numbers=float(sum(numbers)), error=total, lower_bound=total, optimal=True)


def assembled(
    heading: CompressionHeading, spectra: Spectra, chosen: ChosenRanks, factors: Mapping[int, LowRankFactors]
) -> CompressedAnswer:
    """The answer."""
    layers = [_layer(heading, index, spectra, chosen.ranks[index], factors) for index in range(len(heading.layers))]
    before = sum(layer.numbers for layer in heading.layers)
    left_out = _total_left_out(spectra, scales_of(heading, spectra))
    total = CompressionTotal(
        numbers_before=before,
        numbers_after=round(chosen.numbers),
        ratio=chosen.numbers / before,
        error=chosen.error,
        relative_error=chosen.error / left_out if left_out > 0.0 else None,
        reasons={} if left_out > 0.0 else {"relative_error": NO_ERROR},
    )
    answer = CompressedAnswer(
        summary=[],
        status=_status(heading, chosen),
        layers=layers,
        rank_pattern={layer.name: layer.rank for layer in layers if not layer.kept_dense and layer.rank > 0},
        total=total,
        certificate=_certificate(heading, chosen),
        weighting=heading.weighting,
        notes=[EACH_ALONE, *_notes(heading, spectra, chosen)],
        model=heading.model,
        engine_version=heading.engine_version,
    )
    answer = answer.model_copy(update={"summary": summary_of_compression(answer)})
    return applicable(answer, "model")


def _layer(
    heading: CompressionHeading,
    index: int,
    spectra: Spectra,
    rank: int,
    factors: Mapping[int, LowRankFactors],
) -> CompressedLayer:
    layer, errors, dense = heading.layers[index], spectra.errors[index], rank == DENSE
    error = 0.0 if dense else float(errors[rank])
    reasons = {}
    if errors[0] <= 0.0:
        reasons["relative_error"] = NO_ERROR
    if spectra.input_ranks[index] is None:
        reasons["input_rank"] = NOT_KNOWN if layer.kind == "known" else WHITE
    if heading.factors and index not in factors:
        reasons["factors"] = KEPT if dense else "the layer has rank 0"
    found = CompressedLayer(
        name=layer.name,
        shape=list(layer.shape),
        rank=min(layer.shape) if dense else rank,
        kept_dense=dense,
        error=error,
        relative_error=error / float(errors[0]) if errors[0] > 0.0 else None,
        errors=errors if heading.errors else None,
        numbers_before=layer.numbers,
        numbers_after=layer.numbers if dense else rank * sum(layer.shape),
        input_rank=spectra.input_ranks[index],
        factors=factors.get(index),
        reasons=reasons,
    )
    return applicable(found, "errors", "factors")


def _status(heading: CompressionHeading, chosen: ChosenRanks) -> Status:
    if heading.ranks is not None:
        return Status.EXACT
    return Status.CERTIFIED if chosen.optimal else Status.BOUNDED


def _certificate(heading: CompressionHeading, chosen: ChosenRanks) -> RankCertificate:
    fewest = heading.error is not None
    upper = chosen.numbers if fewest else chosen.error
    lower = min(chosen.lower_bound, upper)
    if heading.ranks is not None:
        method = "singular values: no matrices of these ranks have a smaller error (Eckart and Young)"
    elif chosen.optimal:
        method = "every choice within the gap of the linear relaxation was compared"
    else:
        method = "linear relaxation: convex hulls of (numbers, error) of the layers, filled by gain"
    return RankCertificate(
        quantity="numbers" if fewest else "error",
        upper_bound=upper,
        lower_bound=lower,
        relative_gap=(upper - lower) / upper if upper > 0.0 else 0.0,
        method=method,
    )


def _notes(heading: CompressionHeading, spectra: Spectra, chosen: ChosenRanks) -> list[str]:
    found = []
    for index, layer in enumerate(heading.layers):
        rank, inputs = spectra.input_ranks[index], layer.shape[1]
        if rank is not None and rank < inputs:
            found.append(
                f"{layer.name}: its inputs have {rank} of {inputs} directions; along the others nothing is measured, "
                "and the outputs are those of the matrix, projected"
            )
        if spectra.below[index] > 0.0:
            found.append(
                f"{layer.name}: no data have its moments exactly, as rounding leaves them; eigenvalues up to "
                f"{spectra.below[index]:.1e} of the largest count as zero"
            )
        stored = chosen.ranks[index] * sum(layer.shape)
        if not layer.corrected and stored > layer.numbers:
            found.append(f"{layer.name}: factors of this rank have more numbers than the matrix")
    return found
