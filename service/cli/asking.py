"""Commands that the table of operations makes: read a file, answer it, and print JSON or what people read."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from service.cli.files import read_document
from service.cli.output import print_bytes, wants_json
from service.cli.settings import load_settings
from service.jobs.codec import decode
from service.jobs.inline import never, run_inline
from service.operations.answered import as_model
from service.operations.asking import Question, ask
from service.operations.guards import SEARCHED, SearchTime
from service.operations.loaded import answers_of
from service.operations.plans.columns import plain
from service.operations.table import BY_NAME
from service.settings import Limits

PRINTED: Final[Mapping[str, str]] = {
    "landscape": "service.cli.printed.landscape:print_landscape",
    "ranks": "service.cli.printed.ranks:print_ranks",
    "gradient_flows": "service.cli.printed.flow:print_flow",
    "selection": "service.cli.printed.selection:print_selection",
    "diagnose": "service.cli.printed.diagnosis:print_diagnosis",
}
"""Operation to what prints its answer on a terminal; any other answer is printed as JSON."""


def command_of(operation: str) -> Callable[..., None]:
    """The command of an operation that a body asks for."""
    row = BY_NAME[operation]

    def command(
        file: Annotated[
            str, typer.Argument(help="JSON or .npz with the request, or the problem alone; - for standard input.")
        ],
        json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
    ) -> None:
        limits = load_settings()
        found = answered(ask(operation, _wrapped(operation, read_document(file)), limits), limits)
        if wants_json(asked=json) or operation not in PRINTED:
            print_bytes(found)
            return
        (model,) = answers_of(row)
        module, _, name = PRINTED[operation].partition(":")
        getattr(import_module(module), name)(model.model_validate_json(found), Console())

    command.__doc__ = "" if row.command is None else row.command.help
    return command


def answered(question: Question, limits: Limits) -> bytes:
    """The answer to a question as JSON, by its function or by its plan."""
    if question.loaded.function is not None:
        answer = as_model(question.answer(limits))
        return answer.__pydantic_serializer__.to_json(answer, exclude_unset=True)
    return orjson.dumps(plain(carried_out(question, limits)))


def carried_out(question: Question, limits: Limits) -> Any:
    """The answer to a question that has a plan, as JSON whose arrays are arrays."""
    assert question.loaded.work is not None  # noqa: S101 - `service.operations.checks` names a row with neither
    # matrices of a few hundred rows are factored many times, which threads only slow down
    with threadpool_limits(limits=1):
        plan, functions, seconds = question.plan(limits), question.loaded.work.guarded(), question.time_limit_s
        stop = SearchTime(SEARCHED * seconds) if plan.anytime and seconds is not None else never
        return decode(run_inline(plan, functions, stop))


def _wrapped(operation: str, body: object) -> object:
    """The body as the operation reads it: a problem alone may stand for a request that leaves all else out."""
    bare = len(BY_NAME[operation].requests) == 1 and isinstance(body, dict) and "problem" not in body
    return {"problem": body} if bare else body
