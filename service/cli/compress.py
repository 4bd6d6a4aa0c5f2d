"""``minima compress``: ranks for the layers of a model within a budget, and their factors as a file."""

from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console

from service.cli.asking import carried_out
from service.cli.errors import CommandError
from service.cli.files import read_document
from service.cli.output import print_bytes, wants_json
from service.cli.printed.compression import print_compression
from service.cli.settings import load_settings
from service.operations.asking import ask
from service.operations.model_files.layers import with_layers
from service.operations.model_files.sent import FILES, hints_of
from service.operations.model_files.written import WRITTEN, written_factors
from service.operations.plans.columns import plain
from service.schemas.compression import CompressedAnswer

MAX_BYTES: Final = 2**34
"""Of an archive once it is unpacked: the caller's own file, on the caller's own machine."""


def compress(
    model: Annotated[
        str,
        typer.Argument(help="A safetensors, npz or ONNX file; or JSON with the whole request, - for standard input."),
    ],
    activations: Annotated[
        str, typer.Option(help="An npz file: inputs of a layer as NAME, or their second moments as NAME.xx.")
    ] = "",
    correction_of: Annotated[
        str, typer.Option(help="The same model quantised or pruned: factors that correct it are sought.")
    ] = "",
    budget: Annotated[
        float | None, typer.Option(help="Numbers to store, or below 1 the share of those of the model. Default 0.5.")
    ] = None,
    ranks: Annotated[str, typer.Option(help="The rank of each layer, with commas, in place of a budget.")] = "",
    error: Annotated[float | None, typer.Option(help="Total error that is allowed, in place of a budget.")] = None,
    relative: Annotated[bool, typer.Option("--relative", help="The error is a share.")] = False,
    weighting: Annotated[str, typer.Option(help="equal, or relative: layers count by shares of their outputs.")] = "",
    layout: Annotated[
        str, typer.Option(help="auto, outputs_first (PyTorch) or inputs_first (Keras, scikit-learn).")
    ] = "auto",
    only: Annotated[
        str, typer.Option(help="Pattern of the names of the layers that are meant, such as '*.mlp.*'.")
    ] = "*",
    output: Annotated[str, typer.Option(help="Write the factors to this .safetensors or .npz file, not to JSON.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Write JSON on a terminal, too.")] = False,
) -> None:
    """Print the ranks that a budget gives the layers of a model, and write their factors."""
    if output and Path(output).suffix not in WRITTEN:
        raise CommandError(f"{output} must end with {' or '.join(WRITTEN)}")
    asked: dict[str, Any] = {
        "budget": budget,
        "error": error,
        "ranks": _ranks(ranks) if ranks else None,
        "relative": relative or None,
        "weighting": weighting or None,
        "return": {"factors": True, "errors": not output} if output else None,
    }
    said = {name: value for name, value in asked.items() if value is not None}
    limits = load_settings().model_copy(update={"max_data_numbers": MAX_BYTES})
    files = {name: _content(path) for name, path in zip(FILES, (activations, correction_of), strict=True) if path}
    if _is_request(model):
        if files:
            raise CommandError(
                "--activations and --correction-of belong to the file of a model; the request has its own"
            )
        document = read_document(model)
        document = {**document, **said} if isinstance(document, dict) else document
    else:
        document = with_layers(said, _content(model), files, hints_of({"layout": layout}), MAX_BYTES, only)
        if not document["layers"]:
            raise CommandError(f"no layer of {model} has a name like {only}")
    found = carried_out(ask("compression", document, limits), limits)
    if output:
        _write(Path(output), [{"name": layer["name"], "factors": layer.pop("factors")} for layer in found["layers"]])
    content = orjson.dumps(plain(found))
    if wants_json(asked=json):
        print_bytes(content)
    else:
        print_compression(CompressedAnswer.model_validate_json(content), Console())


def _is_request(path: str) -> bool:
    return path == "-" or path.endswith(".json")


def _ranks(text: str) -> list[int | None]:
    try:
        return [None if part.strip() == "-" else int(part) for part in text.split(",")]
    except ValueError:
        raise CommandError("--ranks must be whole numbers with commas, - for a matrix that is kept") from None


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or 'unknown reason'}") from None


def _write(path: Path, layers: list[dict[str, Any]]) -> None:
    content = written_factors(path.suffix, layers)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or 'unknown reason'}") from None
