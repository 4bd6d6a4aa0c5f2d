"""Compressions as pictures: the error of each layer over what it stores, with the rank that is chosen."""

from typing import TYPE_CHECKING, Final

import numpy as np

from service.operations.drawing.canvas import GREY, Answer, place_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAMED: Final = 10
"""Layers that have a colour and a name of their own."""
FLOOR: Final = 1e-6
"""Least share that is shown; what is below stands at the edge."""


def draw_compression(figure: "Figure", answer: Answer) -> None:
    """Draw errors over shares of the numbers of each layer; dots mark the chosen ranks, squares what is kept."""
    axes = figure.add_subplot()
    named = len(answer["layers"]) <= MOST_NAMED
    for index, layer in enumerate(answer["layers"]):
        outputs, inputs = layer["shape"]
        colour, label = (f"C{index}", layer["name"]) if named else (GREY, None)
        errors = np.array(layer.get("errors") or [])
        if errors.size and errors[0] > 0.0:
            shares = np.arange(errors.size) * (outputs + inputs) / (outputs * inputs)
            axes.plot(shares, np.maximum(errors / errors[0], FLOOR), color=colour, linewidth=1.0, label=label)
        if layer["relative_error"] is not None:
            at = layer["numbers_after"] / layer["numbers_before"], max(layer["relative_error"], FLOOR)
            axes.plot(*at, "s" if layer["kept_dense"] else "o", color=colour, markersize=6, clip_on=False)
    axes.axvline(1.0, color=GREY, linestyle=":", linewidth=1.0)
    axes.set(xlabel="numbers stored, as a share of the matrix", ylabel="error, as a share of rank 0", yscale="log")
    axes.set_ylim(bottom=FLOOR, top=2.0)
    if named:
        axes.legend(fontsize=8)
    total = answer["total"]
    place_title(axes, "Errors by rank", f"{100.0 * total['ratio']:.3g} % of the numbers, {answer['status']}")
