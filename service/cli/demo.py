"""The demonstration: one real problem, asked over HTTP like any client would."""

from importlib.resources import files
from urllib.request import Request, urlopen

from rich.console import Console

from service.cli.printed.minima import print_minima
from service.schemas.minima import MinimaAnswer


def demo_problem() -> bytes:
    """The problem of the start page, as JSON."""
    return files("service.web").joinpath("static", "demo.json").read_bytes()


def show_demo(base: str, console: Console) -> None:
    """Ask the service at ``base`` for a certified minimum on the Diabetes data and print it."""
    request = Request(  # noqa: S310 - our own address
        f"{base}/v1/minima", demo_problem(), {"content-type": "application/json"}
    )
    with urlopen(request, timeout=60) as reply:  # noqa: S310 - our own address
        answer = MinimaAnswer.model_validate_json(reply.read())
    console.print("Diabetes: 442 patients, a network with two hidden layers under dropout\n")
    print_minima(answer, console)
    console.print(f"\nStart page     {base}/")
    console.print(f"Documentation  {base}/docs")
    console.print("Stop with Ctrl-C.")
