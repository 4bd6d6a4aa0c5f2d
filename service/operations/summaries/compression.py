"""What the answer of a compression says, in sentences."""

from collections.abc import Iterator

from service.operations.summaries.words import count_of, figure
from service.schemas.compression import CompressedAnswer
from service.vocabulary import Status


def summary_of_compression(answer: CompressedAnswer) -> list[str]:
    """Two to four sentences, whose numbers are those of the answer."""
    return [*_sizes(answer), *_layers(answer), *_bound(answer)]


def _sizes(answer: CompressedAnswer) -> Iterator[str]:
    total = answer.total
    share = "" if total.relative_error is None else f", {100.0 * total.relative_error:.3g} % of leaving all layers out"
    yield (
        f"{total.numbers_after:,} of {total.numbers_before:,} numbers ({100.0 * total.ratio:.3g} %) are stored, with a "
        f"total error of {figure(total.error)}{share}."
    )


def _layers(answer: CompressedAnswer) -> Iterator[str]:
    kept = sum(layer.kept_dense for layer in answer.layers)
    if kept:
        verb = "is" if kept == 1 else "are"
        yield f"{count_of(kept, 'layer').capitalize()} of {len(answer.layers)} {verb} kept as sent."


def _bound(answer: CompressedAnswer) -> Iterator[str]:
    if answer.status is Status.CERTIFIED:
        yield _best(answer)
    elif answer.status is Status.BOUNDED:
        yield f"No choice of ranks is better by more than {100.0 * answer.certificate.relative_gap:.2g} %."


def _best(answer: CompressedAnswer) -> str:
    if answer.certificate.quantity == "numbers":
        return "No choice of ranks reaches that error with fewer numbers."
    return "No choice of ranks within the budget has a smaller error."
