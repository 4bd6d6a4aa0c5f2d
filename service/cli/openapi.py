"""``minima openapi``: write the OpenAPI document, or check that the written one is current."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.settings import load_settings
from service.operations.theorems import page
from service.web import examples
from service.web import openapi as openapi_document
from service.web.app import create_app


def openapi(
    file: Annotated[Path, typer.Argument(help="Where the document stands.")] = Path("openapi/openapi.json"),
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit status 1 if it differs.")] = False,
) -> None:
    """Write the OpenAPI document of the service, and the catalogue of theorems beside it."""
    if not check:
        examples.renew()
    stale = examples.stale()
    document = openapi_document.as_json(create_app(load_settings()))
    catalogue, theorems = file.with_name("theorems.md"), page()
    if not check:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(document)
        catalogue.write_text(theorems, encoding="utf-8")
        return
    current = file.exists() and file.read_bytes() == document
    if stale or not current or not catalogue.exists() or catalogue.read_text(encoding="utf-8") != theorems:
        typer.echo(f"minima: {file} or {catalogue} is not what the service serves; run `make openapi`", err=True)
        raise typer.Exit(1)
