"""Forms of answers over HTTP: what the header ``Accept`` asks for, and pictures in that form."""

from typing import Final

from service.errors import NotAcceptable
from service.operations.drawing.canvas import check_available
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.web.bodies.reading import JSON, NPZ

SVG: Final = "image/svg+xml"
PNG: Final = "image/png"
FORMS: Final = {SVG: "svg", PNG: "png"}
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
    drawn = operation is not None and operation.draw is not None
    ranked, pictures = [], False
    for place, entry in enumerate(accept.lower().split(",")):
        name, *parameters = (part.strip() for part in entry.split(";"))
        kind, quality = WILD.get(name, name), _quality(parameters)
        pictures = pictures or (quality > 0.0 and kind in FORMS)
        if quality > 0.0 and (kind in (JSON, NPZ) or (kind in FORMS and drawn)):
            ranked.append((-quality, place, kind))
    if pictures and not ranked:
        routes = ", ".join(row.route[1] for row in OPERATIONS if row.draw is not None and row.route is not None)
        raise NotAcceptable(f"of this answer no picture is drawn: accept {JSON}, or ask {routes}, whose answers are")
    chosen = min(ranked)[2] if ranked else JSON
    if chosen in FORMS:
        check_available()
    return chosen


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
