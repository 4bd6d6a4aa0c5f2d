"""A compression, as a table."""

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from service.cli.output import print_summary
from service.schemas.compression import CompressedAnswer


def print_compression(answer: CompressedAnswer, console: Console) -> None:
    """One line a layer."""
    print_summary(answer.summary, console)
    table = Table(box=SIMPLE)
    for heading in ("layer", "shape", "rank", "numbers", "of", "error", "share of rank 0"):
        table.add_column(heading)
    for layer in answer.layers:
        share = "" if layer.relative_error is None else f"{100.0 * layer.relative_error:.3g} %"
        table.add_row(
            layer.name,
            " x ".join(map(str, layer.shape)),
            "as it is" if layer.kept_dense else str(layer.rank),
            f"{layer.numbers_after:,}",
            f"{layer.numbers_before:,}",
            f"{layer.error:.4g}",
            share,
        )
    console.print(table)
    for text in (*answer.notes, *(answer.model.ignored if answer.model is not None else ())):
        console.print(text, markup=False, highlight=False)
