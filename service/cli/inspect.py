"""``minima inspect``: the file of a model as the network and the weights of a problem."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from service.cli.errors import CommandError
from service.cli.files import read_document
from service.cli.output import print_bytes, wants_json
from service.cli.settings import load_settings
from service.errors import InputError
from service.operations.model_files.formats import read_model
from service.operations.model_files.requests import report, with_model
from service.operations.model_files.sent import hints_of
from service.schemas.model_files import ReadModel


def inspect(
    file: Annotated[Path, typer.Argument(help="A safetensors, npz or ONNX file.")],
    layout: Annotated[
        str, typer.Option(help="auto, outputs_first (PyTorch) or inputs_first (Keras, scikit-learn).")
    ] = "auto",
    activation: Annotated[str, typer.Option(help="After hidden layers, where the file names none.")] = "",
    order: Annotated[str, typer.Option(help="Names of the layers, with commas, where their order is not clear.")] = "",
    problem: Annotated[str, typer.Option(help="A file with data and the rest of the problem, to be filled in.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Read the file of a model and say what it holds.

    The JSON has its network, weights and biases: with `--problem`, a request for `minima diagnose -`.
    """
    said = {"layout": layout, "activation": activation, "order": order}
    hints = hints_of(said)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or 'unknown reason'}") from None
    model = read_model(content, hints, load_settings().max_body_bytes)
    if wants_json(asked=json):
        document = read_document(problem) if problem else {}
        if not isinstance(document, dict):
            raise InputError.at(("problem",), "must be an object")
        print_bytes(orjson.dumps(with_model(document, model, hints, "point")))
    else:
        print_model(report(model, hints), Console())


def print_model(model: ReadModel, console: Console) -> None:
    """A line for each layer."""
    table = Table("layer", "name", "shape", "bias", "activation")
    for number, layer in enumerate(model.layers, 1):
        shape = " x ".join(map(str, layer.shape))
        table.add_row(str(number), layer.name, shape, "yes" if layer.bias else "no", layer.activation)
    console.print(table)
    for sentence in model.ignored:
        console.print(sentence, markup=False)
