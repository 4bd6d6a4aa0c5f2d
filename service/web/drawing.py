"""Forms of answers over HTTP: what the header ``Accept`` asks for, and pictures and files of arrays in that form."""

from typing import Any, Final

from service.errors import NotAcceptable
from service.operations.drawing.canvas import check_available
from service.operations.drawing.rendering import render
from service.operations.loaded import tensors_of
from service.operations.rows import Operation
from service.operations.table import BY_NAME, OPERATIONS
from service.web.bodies.reading import JSON, NPZ

SVG: Final = "image/svg+xml"
PNG: Final = "image/png"
SAFETENSORS: Final = "application/vnd.safetensors"
PICTURES: Final = {SVG: "svg", PNG: "png"}
FORMS: Final = (*PICTURES, SAFETENSORS)
"""What is made of an answer that was written as JSON already."""
WILD: Final = {"image/*": SVG, "*/*": JSON, "application/*": JSON, "text/html": JSON}


def wanted(accept: str, operation: Operation | None) -> str:
    """The media type that an answer should have: the one preferred most among those it can have.

    Parameters
    ----------
    accept : str
        The header.
    operation : Operation or None
        Whose answer; None for what no row describes, which is never drawn.

    Raises
    ------
    NotAcceptable
        If only pictures are accepted, and none is drawn of this answer.
    MissingExtra
        If it is a picture and this server cannot draw any.
    """
    known = {JSON, NPZ}
    if operation is not None:
        known |= {*PICTURES} if operation.draw is not None else set()
        known |= {SAFETENSORS} if operation.tensors is not None else set()
    ranked, pictures = [], False
    for place, entry in enumerate(accept.lower().split(",")):
        name, *parameters = (part.strip() for part in entry.split(";"))
        kind, quality = WILD.get(name, name), _quality(parameters)
        pictures = pictures or (quality > 0.0 and kind in PICTURES)
        if quality > 0.0 and kind in known:
            ranked.append((-quality, place, kind))
    if pictures and not ranked:
        routes = ", ".join(row.route[1] for row in OPERATIONS if row.draw is not None and row.route is not None)
        raise NotAcceptable(f"of this answer no picture is drawn: accept {JSON}, or ask {routes}, whose answers are")
    chosen = min(ranked)[2] if ranked else JSON
    if chosen in PICTURES:
        check_available()
    return chosen


def made(operation: str, answer: Any, form: str) -> bytes:
    """The answer of an operation, as JSON, in one of `FORMS`; `MissingExtra` for a picture without matplotlib."""
    write = tensors_of(BY_NAME[operation]) if form == SAFETENSORS else None
    return render(operation, answer, PICTURES[form]) if write is None else write(answer)


def names_json(accept: str) -> bool:
    """Whether JSON is asked for by its name, so that nothing else will do."""
    return any(entry.partition(";")[0].strip() == JSON for entry in accept.lower().split(","))


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
