"""``minima openapi``: write the OpenAPI document, or check that the written one is current."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.settings import load_settings
from service.web import examples
from service.web import openapi as openapi_document
from service.web.app import create_app


def openapi(
    file: Annotated[Path, typer.Argument(help="Where the document stands.")] = Path("openapi/openapi.json"),
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit status 1 if it differs.")] = False,
) -> None:
    """Write the OpenAPI document of the service."""
    if not check:
        examples.renew()
    stale = examples.stale()
    document = openapi_document.as_json(create_app(load_settings()))
    if not check:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(document)
    elif stale or not file.exists() or file.read_bytes() != document:
        typer.echo(f"minima: {file} is not what the service serves; run `make openapi`", err=True)
        raise typer.Exit(1)
