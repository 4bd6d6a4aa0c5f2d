"""The explicit table of answers that can be pictures."""

from collections.abc import Mapping
from typing import Final

from service.operations.drawing.canvas import Answer, Draw, picture
from service.operations.drawing.connectivity import draw_connectivity
from service.operations.drawing.landscape import draw_landscape
from service.operations.drawing.slices import draw_slice
from service.operations.drawing.spectra import draw_spectrum
from service.operations.drawing.sweeps import draw_sweep

PICTURES: Final[Mapping[str, Draw]] = {
    "landscape": draw_landscape,
    "slices": draw_slice,
    "spectra": draw_spectrum,
    "connectivity": draw_connectivity,
    "sweeps": draw_sweep,
}
"""Operation to what draws its answer."""


def render(operation: str, answer: Answer, form: str) -> bytes:
    """The answer of an operation of the table as ``svg`` or ``png``; `MissingExtra` without matplotlib."""
    return picture(PICTURES[operation], answer, form)
