"""A selection on a terminal: the chosen values are always shown, with who chooses them."""

import io
import json

from rich.console import Console

from service.cli.asking import answered
from service.cli.printed.selection import MOST_LINES, print_selection
from service.operations.asking import ask
from service.schemas.selection import EXAMPLES, SelectionAnswer
from service.settings import Limits


def test_a_long_table_is_thinned_out_around_what_is_chosen() -> None:
    body = {**EXAMPLES["the decay of a network on bundled data"], "grid": {"from": 0.001, "to": 1.0, "points": 200}}
    found = answered(ask("selection", body, Limits()), Limits())
    shown = io.StringIO()
    print_selection(SelectionAnswer.model_validate_json(found), Console(file=shown, width=140))
    text = shown.getvalue()
    chosen = json.loads(found)["chosen"]
    for name, each in chosen.items():
        (line,) = [
            line for line in text.splitlines() if name.replace("_", " ") in line and f"{each['value']:.4g} " in line
        ]
        assert f"{each['score']:.4g}" in line
    assert len(text.splitlines()) < 2 * MOST_LINES
    assert "held as centred and scaled" in text
