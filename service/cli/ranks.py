"""``minima ranks``: the ranks that training will give the matrices of the problem in a file."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.cli.files import read_document
from service.cli.output import print_json, wants_json
from service.cli.settings import load_settings
from service.operations.ranks import parse
from service.operations.ranks import ranks as predict_ranks
from service.schemas.ranks import RanksAnswer


def ranks(
    file: Annotated[str, typer.Argument(help="JSON or .npz; - for standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Print the rank of each weight matrix after training, with the rule that says so."""
    parsed = parse(read_document(file))
    answer = predict_ranks(parsed.request, load_settings(), parsed.problem_at)
    if wants_json(asked=json):
        print_json(answer)
    else:
        _print(answer, Console())


def _print(answer: RanksAnswer, console: Console) -> None:
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
