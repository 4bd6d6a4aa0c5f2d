"""Paths between two points as pictures, and beside them what width changes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from service.operations.drawing.canvas import BLACK, BLUE, GREY, PANEL, Answer, draw_point, place_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PATHS: Final = (
    ("straight", "straight", GREY, "-"),
    ("aligned", "straight, neurons aligned", GREY, "--"),
    ("bezier", "bent", BLUE, "-"),
    ("explicit", "path of the theory", BLACK, "-"),
)
SHOWN: Final = 1e-7
"""Share of the largest loss below which nothing is drawn."""
SHORT: Final = {
    "no_spurious_local_minima": "no spurious minima",
    "no_spurious_valleys": "no spurious valleys",
    "sublevel_sets_connected": "sublevel sets connected",
}


def draw_connectivity(figure: "Figure", answer: Answer) -> None:
    """Losses along every path that was found, and a second panel for a sweep over widths."""
    if answer["widths"] is None:
        _draw_paths(figure.add_subplot(), answer)
        return
    figure.set_size_inches(2.0 * PANEL[0], PANEL[1])
    left, right = figure.subplots(1, 2)
    _draw_paths(left, answer)
    draw_widths(right, answer["widths"])


def _draw_paths(axes: "Axes", answer: Answer) -> None:
    for name, label, colour, line in PATHS:
        path = answer[name]
        if path is not None:
            text = f"{label}: barrier {path['barrier']:.3g} ({path['evidence']})"
            axes.plot(path["position"], path["loss"], color=colour, linestyle=line, label=text)
    for position, end in enumerate(answer["ends"]):
        draw_point(axes, (float(position), end["loss"]), end)
    axes.set(xlabel="position along the path", ylabel="loss")
    _scale(axes, [loss for name, *_ in PATHS if answer[name] is not None for loss in answer[name]["loss"]])
    axes.legend(fontsize=8)
    axes.set_title(_title(answer["ends"]))


def _title(ends: Sequence[Answer]) -> str:
    """A trained point at rest may be a saddle: only a solver says what is a minimum."""
    if all(end["source"] == "global_minimum" for end in ends):
        return "Paths between two global minima"
    moving = sum(end["converged"] is False for end in ends)
    if moving:
        return f"Paths between two points, {'neither' if moving == 2 else 'one not'} at rest"
    resting = all(end["converged"] or end["source"] in {"global_minimum", "stationary_point"} for end in ends)
    return "Paths between two stationary points" if resting else "Paths between two points"


def _scale(axes: "Axes", losses: list[float]) -> None:
    """A logarithmic axis where losses differ by orders of magnitude, without the depths of an interpolated fit."""
    low, high = min(losses), max(losses)
    if low > 0.0 and high > 30.0 * low:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(0.5 * low, SHOWN * high))


def draw_widths(axes: "Axes", widths: Any) -> None:
    """Quantiles of the losses after training; a vertical line where the verdict of theorems changes."""
    axes.plot(widths["width"], widths["median"], "o-", color=BLUE, markersize=3, label="median after training")
    axes.fill_between(widths["width"], widths["lower_decile"], widths["upper_decile"], color=BLUE, alpha=0.2)
    axes.plot(widths["width"], widths["best"], color=BLUE, linestyle=":", label="best run")
    for number, mark in enumerate(widths["marks"]):
        verdict = "" if mark["value"] else "not "
        text = f"{verdict}{SHORT[mark['property']]} from {mark['width']} ({', '.join(mark['because'])}, proved)"
        axes.axvline(mark["width"], color=BLACK, linestyle=("--", "-.", ":")[number % 3], label=text)
    _scale(axes, [*widths["best"], *widths["upper_decile"]])
    axes.set(xlabel="width of every hidden layer", ylabel="loss")
    axes.legend(fontsize=8)
    place_title(axes, f"{widths['runs']} trainings at each width", widths["evidence"])
