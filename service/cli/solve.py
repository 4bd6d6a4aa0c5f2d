"""``minima solve``: the certified global minimum of the problem in a file."""

from typing import Annotated, Literal

import typer
from rich.console import Console

from service.cli.files import read_document
from service.cli.output import print_json, print_summary, wants_json
from service.cli.printed.minima import print_minima
from service.cli.settings import load_settings
from service.operations.minima import parse
from service.operations.relu_minima import minima_of_any
from service.schemas.relu import ReluMinimaAnswer


def solve(
    file: Annotated[str, typer.Argument(help="JSON or .npz; - for standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
    weights: Annotated[
        Literal["none", "factors", "full"] | None, typer.Option(help="Form of the weights in the answer.")
    ] = None,
    map_: Annotated[
        bool | None, typer.Option("--map/--no-map", help="Whether the answer has the end-to-end map.")
    ] = None,
) -> None:
    """Print the global minimum of a problem with its landscape and certificate.

    The answer repeats the problem and, unless asked otherwise, holds factored weights, so that `minima verify` needs
    nothing else.
    """
    parsed = parse(read_document(file))
    asked = parsed.request.return_
    chosen = weights or (asked.weights if "weights" in asked.model_fields_set else "factors")
    returned = asked.model_copy(update={"problem": True, "weights": chosen, "map": asked.map if map_ is None else map_})
    request = parsed.request.model_copy(update={"return_": returned})
    answer = minima_of_any(request, load_settings(), parsed.problem_at)
    if wants_json(asked=json):
        print_json(answer)
    elif isinstance(answer, ReluMinimaAnswer):
        print_summary(answer.summary, Console())
    else:
        print_minima(answer, Console())
