"""A gradient flow beside the predicted ranks, as a table."""

from rich.console import Console
from rich.table import Table

from service.schemas.flows import FlowAnswer


def print_flow(answer: FlowAnswer, console: Console) -> None:
    """One line for each matrix, then where the flow has come to."""
    table = Table(title="Gradient flow", title_justify="left")
    for heading in ("layer", "shape", "predicted rank", "stable rank", "at most", "tail", "at most"):
        table.add_column(heading)
    for layer in answer.ranks.layers:
        progress = layer.progress
        if progress is not None:
            table.add_row(
                str(layer.layer),
                " x ".join(map(str, layer.shape)),
                str(layer.rank)
                if layer.rank is not None
                else f"<= {layer.conditional_upper_bound or layer.upper_bound}",
                _number(progress.stable_ranks[-1]),
                _number(progress.stable_rank_bounds[-1]),
                _number(progress.tails[-1]),
                _number(progress.tail_bound),
            )
    console.print(table)
    value = (
        f"log loss {answer.log_losses[-1]:.9g}" if answer.log_losses else f"loss {(answer.objectives or [0.0])[-1]:.9g}"
    )
    console.print(f"{answer.stop.value}: {value} after {answer.evaluations} gradients")
    for mode in answer.modes or ():
        times = mode.reasons.get("half_time") or f"half learned at {_number(mode.half_time)} ({mode.evidence})"
        console.print(f"direction {mode.index}: target {mode.target:.6g}, start {mode.start:.3g}, {times}")
    if answer.cosines:
        console.print(f"1 - cosine with the hard-margin direction: {1.0 - answer.cosines[-1]:.3g}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
