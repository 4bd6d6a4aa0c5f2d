"""A summary of a landscape as a picture: every part of the answer that can be drawn, side by side."""

from typing import TYPE_CHECKING

from service.operations.drawing.canvas import AMBER, BLUE, GREEN, GREY, PANEL, SKY, Answer, place_title
from service.operations.drawing.slices import draw_interpolation, draw_plane
from service.operations.drawing.spectra import draw_density

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"global_minimum": GREEN, "local_minimum": SKY}


def draw_landscape(figure: "Figure", answer: Answer) -> None:
    """The reduced curve, then slice, interpolation and spectrum where the request included them."""
    parts = [name for name in ("reduced_curve", "slice", "interpolation", "hessian") if answer.get(name) is not None]
    if not parts:
        _draw_verdicts(figure.add_subplot(), answer)
        return
    figure.set_size_inches(PANEL[0] * min(len(parts), 2), PANEL[1] * (1 + (len(parts) > 2)))
    for number, name in enumerate(parts, 1):
        axes = figure.add_subplot(1 + (len(parts) > 2), min(len(parts), 2), number)
        if name == "reduced_curve":
            _draw_curve(axes, answer)
        elif name == "slice":
            draw_plane(figure, axes, answer["slice"])
        elif name == "interpolation":
            draw_interpolation(axes, answer["interpolation"])
        else:
            draw_density(axes, answer["hessian"])


def _draw_curve(axes: "Axes", answer: Answer) -> None:
    """Least loss at each norm of the map, its stationary points, and the bars of its minima."""
    curve = answer["reduced_curve"]
    axes.plot(curve["norm"], curve["loss"], color=BLUE)
    seen = set()
    for point in answer["stationary_points"]:
        label = point["class"].replace("_", " ")
        colour = COLOURS.get(point["class"], AMBER)
        axes.plot(point["norm"], point["loss"], "o", color=colour, label=None if label in seen else label)
        seen.add(label)
    for bar in answer["barcode"]:
        if bar["death"] is not None:
            axes.vlines(bar["norm"], bar["birth"], bar["death"], color=GREY, linestyle=":")
    axes.set(xlabel="norm of the end-to-end map", ylabel="least loss at this norm")
    axes.legend(fontsize=8)
    place_title(axes, "Reduced landscape", "proved")


def _draw_verdicts(axes: "Axes", answer: Answer) -> None:
    """Where nothing can be drawn: the verdicts in words."""
    axes.axis("off")
    lines = []
    for name, verdict in answer["verdicts"].items():
        value = {True: "yes", False: "no", None: "unknown"}[verdict["value"]]
        because = f" ({', '.join(verdict['because'])})" if verdict["because"] else ""
        lines.append(f"{name.replace('_', ' ')}: {value}{because}")
    axes.text(0.0, 1.0, "\n\n".join(lines), va="top", transform=axes.transAxes)
    axes.set_title("What is known of this landscape")
