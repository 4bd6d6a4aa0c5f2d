"""The canvas: matplotlib, imported when the first picture is asked for, without any state that pictures share."""

import importlib.util
import io
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from service.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Answer: TypeAlias = Mapping[str, Any]
Draw: TypeAlias = "Callable[[Figure, Answer], None]"

BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#009e73"
GREY: Final = "#767676"
PURPLE: Final = "#cc79a7"
SKY: Final = "#56b4e9"
AMBER: Final = "#e69f00"
BLACK: Final = "#000000"
POINTS: Final[Mapping[str, str]] = {
    "global_minimum": GREEN,
    "trained": ORANGE,
    "origin": PURPLE,
    "stationary_point": SKY,
    "posted": BLACK,
}
"""The colour of a point, and of a line at its loss, in every picture of a landscape; no curve has one of these."""
PANEL: Final = (6.4, 4.4)
"""Inches of a picture with one panel."""

DOTS_PER_INCH: Final = 150
STYLE: Final[Mapping[str, Any]] = {
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    # names inside an SVG are counted from this and not drawn at random, so that equal answers give equal bytes
    "svg.hashsalt": "analytic-minima",
}
_LOCK = threading.Lock()


def check_available() -> None:
    """Raise `MissingExtra` where matplotlib is not installed; nothing is imported."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("pictures", "plots")


def picture(draw: Draw, answer: Answer, form: str) -> bytes:
    """The bytes of a picture.

    Parameters
    ----------
    draw : callable
        Draws an answer into a figure.
    answer : mapping
    form : {"svg", "png"}

    Raises
    ------
    MissingExtra
        Without matplotlib.

    Notes
    -----
    Equal answers give equal bytes on one machine type and lock file.  One picture at a time: the style of the
    library is global.
    """
    check_available()
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only those pay who want pictures
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    stream = io.BytesIO()
    style: Any = dict(STYLE)
    with _LOCK, mpl.rc_context(style):
        figure = Figure(figsize=PANEL, layout="constrained")
        draw(figure, answer)
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(stream, format=form, dpi=DOTS_PER_INCH, metadata=metadata)
    return stream.getvalue()


def draw_point(axes: "Axes", place: tuple[float, float], point: Answer) -> None:
    """Mark a point of the landscape in the colour of what it is, hollow where training did not end at rest."""
    colour, moving = POINTS[point["source"]], point["converged"] is False
    label = f"{point_name(point)}: {point['loss']:.4g}"
    axes.plot(*place, "o", color=colour, markerfacecolor="white" if moving else colour, label=label, zorder=3)


def point_name(point: Answer) -> str:
    """What a point is, in words that claim no more than is known of it."""
    name = str(point["source"]).replace("_", " ")
    if point["converged"] is None:
        return name
    return f"{name}, at rest" if point["converged"] else f"{name}, not at rest"


def place_title(axes: "Axes", title: str, evidence: str) -> None:
    """A title that always says how what is shown is known."""
    axes.set_title(f"{title} ({evidence})")
