"""Phase diagrams as pictures: losses over one axis, norms over two, boundaries as traced."""

from typing import TYPE_CHECKING

import numpy as np

from service.operations.drawing.canvas import BLUE, ORANGE, Answer, place_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_sweep(figure: "Figure", answer: Answer) -> None:
    """Draw a phase diagram over one or two axes."""
    axes = figure.add_subplot()
    column = next(name for name in ("norm", "loss", *answer["results"]) if answer["results"].get(name) is not None)
    values = np.asarray(answer["results"][column], dtype=float).reshape(answer["shape"])
    if len(answer["axes"]) == 1:
        _draw_line(axes, answer, column, values)
    else:
        _draw_map(figure, axes, answer, column, values)
    place_title(axes, f"Phase diagram of {answer['solver'].replace('_', ' ')}", "exact boundaries")


def _draw_line(
    axes: "Axes", answer: Answer, column: str, values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"
) -> None:
    (axis,) = answer["axes"]
    axes.plot(axis["values"], values, color=BLUE)
    for boundary in answer["boundaries"]:
        for transition in boundary["transitions"]:
            for critical in transition["critical"]:
                if critical is not None:
                    axes.axvline(critical, color=ORANGE, linestyle="--")
    axes.set(xlabel=axis["parameter"].replace("_", " "), ylabel=column.replace("_", " "), xscale=_scale(axis["values"]))


def _draw_map(
    figure: "Figure",
    axes: "Axes",
    answer: Answer,
    column: str,
    values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
) -> None:
    first, second = answer["axes"]
    shown = axes.pcolormesh(second["values"], first["values"], values, cmap="viridis", shading="nearest")
    figure.colorbar(shown, ax=axes, label=column.replace("_", " "))
    for boundary in answer["boundaries"]:
        other = second if boundary["traced"] == first["parameter"] else first
        for transition in boundary["transitions"]:
            critical = np.array([np.nan if one is None else one for one in transition["critical"]])
            along = (other["values"], critical) if other is second else (critical, other["values"])
            axes.plot(*along, color=ORANGE, linewidth=1.0)
    axes.set(
        xlabel=second["parameter"].replace("_", " "),
        ylabel=first["parameter"].replace("_", " "),
        xscale=_scale(second["values"]),
        yscale=_scale(first["values"]),
        xlim=(min(second["values"]), max(second["values"])),
        ylim=(min(first["values"]), max(first["values"])),
    )
    axes.grid(visible=False)


def _scale(values: list[float]) -> str:
    return "log" if min(values) > 0.0 and max(values) > 30.0 * min(values) else "linear"
