"""``minima diagnose``: where the weights in a file stand, and the way out."""

from typing import Annotated

import typer
from rich.console import Console

from service.cli.files import read_document
from service.cli.output import print_diagnosis, print_json, wants_json
from service.cli.settings import load_settings
from service.operations.diagnose import diagnose as run
from service.operations.diagnose import parse


def diagnose(
    file: Annotated[str, typer.Argument(help="JSON or .npz with a problem and its weights; - for standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Print loss, class, gap to the global minimum, directions and a step down for given weights."""
    parsed = parse(read_document(file))
    answer = run(parsed.request, load_settings(), parsed.problem_at)
    if wants_json(asked=json):
        print_json(answer)
    else:
        print_diagnosis(answer, Console())
