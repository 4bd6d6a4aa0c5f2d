"""Slices as pictures: contours of a plane, losses along lines, sharpness against distance."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from service.operations.drawing.canvas import BLACK, BLUE, GREY, POINTS, Answer, draw_point, place_title
from service.vocabulary import SliceKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = 24


def draw_slice(figure: "Figure", answer: Answer) -> None:
    """Draw a slice by its kind."""
    axes = figure.add_subplot()
    kind = SliceKind(answer["kind"])
    if kind is SliceKind.PLANE:
        draw_plane(figure, axes, answer)
    elif kind is SliceKind.SHARPNESS:
        _draw_sharpness(axes, answer)
    elif kind is SliceKind.INTERPOLATION:
        draw_interpolation(axes, answer)
    else:
        _draw_lines(axes, answer)


def draw_plane(figure: "Figure", axes: "Axes", answer: Answer) -> None:
    """Contours at equal steps of the logarithm of the loss above the lowest one of the grid."""
    from matplotlib.colors import BoundaryNorm  # noqa: PLC0415 - see `canvas.picture`

    alpha, beta = (np.asarray(axis["values"]) for axis in answer["axes"])
    losses = np.asarray(answer["loss"]).reshape(answer["shape"])
    levels = _levels(losses)
    norm = BoundaryNorm(levels, 256, extend="max")
    shown = axes.contourf(beta, alpha, losses, levels=levels, cmap="viridis", norm=norm, extend="max")
    axes.contour(beta, alpha, losses, levels=levels, colors="white", linewidths=0.4, alpha=0.6)
    bar = figure.colorbar(shown, ax=axes, label="loss", format=f"%.{_digits(levels)}g", ticks=levels[::3])
    bar.minorticks_off()
    draw_point(axes, (0.0, 0.0), answer["centre"])
    along = answer.get("trajectory")
    if along is not None:
        label = f"trajectory, {100 * along['explained']:.3g} % of it in the plane"
        axes.plot(along["beta"], along["alpha"], ".-", color=BLACK, linewidth=1.0, markersize=4, label=label)
    row, column = answer["lowest"]["position"]
    axes.plot(column, row, "x", color="white", label=f"lowest on the grid: {answer['lowest']['loss']:.4g}")
    axes.set(xlabel="second direction", ylabel="first direction", aspect="equal")
    axes.grid(visible=False)
    corner: Literal["upper right", "lower right"] = "upper right" if along is None else "lower right"
    axes.legend(loc=corner, facecolor=GREY, framealpha=0.75, frameon=True, labelcolor="white", fontsize=8)
    kind = "two random directions" if answer["normalisation"] is not None else "the directions of the trajectory"
    place_title(axes, f"Slice along {kind}", answer["evidence"])


def _levels(losses: Any) -> Any:
    """Levels dense near the lowest loss; the last ones leave out the steepest part of the grid."""
    low, high = float(losses.min()), float(np.quantile(losses, 0.98))
    span = max(high - low, 1e-12 * max(abs(high), 1e-300))
    return low + np.concatenate(([0.0], np.geomspace(1e-3 * span, span, LEVELS)))


def _digits(levels: Any) -> int:
    """Digits that tell neighbouring levels apart."""
    high, span = float(np.max(np.abs(levels))), float(levels[-1] - levels[0])
    return int(np.clip(3 + np.log10(max(high, 1e-300) / span), 3, 12))


def draw_interpolation(axes: "Axes", answer: Answer) -> None:
    """Losses along the straight line, with the ends and the global minimum."""
    (axis,) = answer["axes"]
    axes.plot(axis["values"], answer["loss"], color=BLUE)
    for position, point in ((0.0, answer["centre"]), (1.0, answer["end"])):
        draw_point(axes, (position, point["loss"]), point)
    _draw_minimum(axes, answer)
    barrier = answer["interpolation"]["barrier"]
    axes.set(xlabel="position between the points", ylabel="loss")
    axes.legend(fontsize=8)
    place_title(axes, f"Straight line between two points, barrier {barrier:.3g}", answer["evidence"])


def _draw_lines(axes: "Axes", answer: Answer) -> None:
    positions = answer["axes"][-1]["values"]
    losses = np.asarray(answer["loss"]).reshape(-1, len(positions))
    axes.plot(positions, losses.T, color=BLUE, alpha=max(0.35, 1.0 / len(losses)))
    draw_point(axes, (0.0, answer["centre"]["loss"]), answer["centre"])
    _draw_minimum(axes, answer)
    axes.set(xlabel="multiple of the direction", ylabel="loss")
    axes.legend(fontsize=8)
    place_title(axes, f"Along {len(losses)} random direction{'s' if len(losses) > 1 else ''}", answer["evidence"])


def _draw_sharpness(axes: "Axes", answer: Answer) -> None:
    found = answer["sharpness"]
    axes.plot(found["radius"], found["largest"], color=BLUE, label="largest")
    axes.plot(found["radius"], found["mean"], color=BLUE, linestyle="--", label="mean")
    _draw_minimum(axes, answer)
    axes.set(xlabel="distance, relative to the weights", ylabel="loss")
    axes.legend(fontsize=8)
    place_title(axes, f"Sharpness over {len(answer['directions'])} directions", answer["evidence"])


def _draw_minimum(axes: "Axes", answer: Answer) -> None:
    known = answer["global_minimum"]
    if known is not None:
        colour, label = POINTS["global_minimum"], f"global minimum ({known['status']})"
        axes.axhline(known["loss"], color=colour, linestyle=":", label=label)
