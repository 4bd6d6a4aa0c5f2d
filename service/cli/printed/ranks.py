"""Predicted ranks, as a table."""

from rich.console import Console
from rich.table import Table

from service.cli.output import print_summary
from service.schemas.ranks import RanksAnswer


def print_ranks(answer: RanksAnswer, console: Console) -> None:
    """One line for each matrix, then what is known of the classes."""
    print_summary(answer.summary, console)
    table = Table(title="Ranks after training", title_justify="left")
    for heading in ("layer", "shape", "rank", "at most", "at most, if", "rule", "why not more"):
        table.add_column(heading)
    for layer in answer.layers:
        conditional = layer.conditional_upper_bound
        table.add_row(
            str(layer.layer),
            " x ".join(map(str, layer.shape)),
            "?" if layer.rank is None else str(layer.rank),
            str(layer.upper_bound),
            "" if conditional is None else f"{conditional} ({layer.conditional_rule})",
            layer.rule or "shape",
            layer.reasons.get("rank", ""),
        )
    console.print(table)
    separable = answer.separability
    known = {True: "linearly separable", False: "not linearly separable", None: "unknown"}[separable.separable]
    console.print(f"classes: {known}" + (f", margin {separable.margin:.9g}" if separable.margin is not None else ""))
