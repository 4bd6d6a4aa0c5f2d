"""``minima flow``: the gradient flow of the problem in a file, beside the predicted ranks."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from service.cli.files import read_document
from service.cli.output import print_json, wants_json
from service.cli.settings import load_settings
from service.jobs.codec import decode, plain
from service.jobs.heavy.gradient_flows import gradient_flows_request
from service.jobs.inline import run_inline
from service.jobs.table import JOB_OPERATIONS
from service.schemas.flows import FlowAnswer, FlowRequest
from service.schemas.parsing import validated


def flow(
    file: Annotated[
        str, typer.Argument(help="JSON or .npz with the request, or the problem alone; - for standard input.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Follow the gradient flow of a network and print how far each matrix has come to its predicted rank."""
    body: Any = read_document(file)
    wrapped = body if not isinstance(body, dict) or "problem" in body else {"problem": body}
    question = gradient_flows_request(validated(FlowRequest, wrapped), load_settings())
    # matrices of a few hundred rows are factored many times, which threads only slow down
    with threadpool_limits(limits=1):
        found = run_inline(JOB_OPERATIONS["gradient_flows"], question)
    answer = FlowAnswer.model_validate(plain(decode(found)))
    if wants_json(asked=json):
        print_json(answer)
    else:
        _print(answer, Console())


def _print(answer: FlowAnswer, console: Console) -> None:
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
    if answer.cosines:
        console.print(f"1 - cosine with the hard-margin direction: {1.0 - answer.cosines[-1]:.3g}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
