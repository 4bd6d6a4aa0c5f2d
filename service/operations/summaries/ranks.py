"""What the answer about ranks says, in sentences."""

from collections.abc import Iterator

from service.operations.summaries.words import figure, listed
from service.schemas.ranks import LayerRank, RanksAnswer

MOST_GROUPS = 3


def summary_of_ranks(answer: RanksAnswer) -> list[str]:
    """Three to six sentences, whose numbers are those of the answer."""
    return [*_layers(answer.layers), *_end_to_end(answer), *_separability(answer), *_progress(answer.layers)]


def _layers(layers: list[LayerRank]) -> Iterator[str]:
    """One sentence for the layers of which the same is known."""
    groups: dict[str, list[int]] = {}
    for layer in layers:
        groups.setdefault(_known(layer), []).append(layer.layer)
    for known, numbers in list(groups.items())[:MOST_GROUPS]:
        yield f"Layer{'' if len(numbers) == 1 else 's'} {listed(numbers)}: {known}."
    if len(groups) > MOST_GROUPS:
        left = sum(len(numbers) for numbers in list(groups.values())[MOST_GROUPS:])
        yield f"The other {left} layers: see `layers`."


def _known(layer: LayerRank) -> str:
    if layer.rank is not None:
        return f"the rank is {layer.rank} ({layer.rule})"
    if layer.upper_bound is not None and layer.upper_bound < min(layer.shape):
        return f"the rank is at most {layer.upper_bound} ({layer.rule})"
    if layer.conditional_upper_bound is not None:
        rule = layer.conditional_rule
        return f"the rank is at most {layer.conditional_upper_bound}, if {rule} applies, which is not known"
    return "no rule bounds the rank below its full size"


def _end_to_end(answer: RanksAnswer) -> Iterator[str]:
    found = answer.end_to_end
    if found.rank is not None:
        yield f"The end-to-end map ends with rank {found.rank}."
    elif found.upper_bound is not None and found.upper_bound < min(found.shape):
        yield f"The end-to-end map ends with rank at most {found.upper_bound}."


def _separability(answer: RanksAnswer) -> Iterator[str]:
    found = answer.separability
    if found.separable:
        margin = "" if found.margin is None else f", with margin {figure(found.margin)}"
        yield f"A linear map separates the classes{margin}."
    elif found.separable is False:
        yield "No linear map separates the classes."


def _progress(layers: list[LayerRank]) -> Iterator[str]:
    last = [
        layer.progress.stable_ranks[-1]
        for layer in layers
        if layer.progress is not None and layer.progress.stable_ranks
    ]
    if last and all(rank is not None for rank in last):
        said = listed([figure(rank) for rank in last if rank is not None])
        yield f"Stable ranks of the last snapshot: {said}."
