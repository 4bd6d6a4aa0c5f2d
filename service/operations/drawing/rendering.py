"""An answer as a picture, by what its row in the table of operations names."""

from service.operations.drawing.canvas import Answer, picture
from service.operations.loaded import drawing_of
from service.operations.table import BY_NAME


def render(operation: str, answer: Answer, form: str) -> bytes:
    """The answer of an operation that can be drawn as ``svg`` or ``png``; `MissingExtra` without matplotlib."""
    draw = drawing_of(BY_NAME[operation])
    assert draw is not None, operation  # noqa: S101 - a picture is only accepted where a row says what draws it
    return picture(draw, answer, form)
