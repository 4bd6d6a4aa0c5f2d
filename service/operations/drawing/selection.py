"""Selections as pictures: the error of each value by each criterion, with what is chosen."""

from typing import TYPE_CHECKING, Final

import numpy as np

from service.operations.drawing.canvas import BLUE, GREEN, GREY, ORANGE, Answer, place_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES: Final = (
    ("train", "on the data themselves", GREY, ":"),
    ("loo", "leave-one-out", BLUE, "-"),
    ("gcv", "generalised", GREEN, "--"),
    ("evaluation", "held-out data", "black", "-."),
)


def draw_selection(figure: "Figure", answer: Answer) -> None:
    """Draw errors over values; dots mark what each criterion chooses."""
    axes = figure.add_subplot()
    values = np.array(answer["values"], dtype=float)
    order = np.argsort(values, kind="stable")
    if answer["kfold"] is not None:
        _draw_folds(axes, answer, values, order)
    for name, label, colour, style in LINES:
        scores = answer.get(name)
        if scores is not None:
            shown = np.array([np.nan if score is None else score for score in scores])
            axes.plot(values[order], shown[order], color=colour, linestyle=style, label=label)
    marks = {"loo": BLUE, "gcv": GREEN, "kfold": ORANGE, "one_standard_error": ORANGE, "evaluation": "black"}
    for name, chosen in answer["chosen"].items():
        if chosen is not None:
            marker = "s" if name == "one_standard_error" else "o"
            axes.plot([chosen["value"]], [chosen["score"]], marker, color=marks[name], markersize=6)
    positive = values[values > 0.0]
    wide = positive.size == values.size and positive.max() > 30.0 * positive.min()
    axes.set(
        xlabel=answer["vary"].replace("_", " "),
        ylabel="mean squared error a sample",
        xscale="log" if wide else "linear",
    )
    axes.legend(fontsize=8)
    evidence = answer["loo_evidence"]
    known = "exact minima" if evidence is None else f"exact minima, leave-one-out {evidence}"
    place_title(axes, f"Selection of {answer['vary'].replace('_', ' ')}", known)


def _draw_folds(
    axes: "Axes",
    answer: Answer,
    values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
    order: "np.ndarray[tuple[int, ...], np.dtype[np.intp]]",
) -> None:
    mean, error = np.array(answer["kfold"]["mean"]), np.array(answer["kfold"]["standard_error"])
    axes.plot(values[order], mean[order], color=ORANGE, label=f"{len(answer['kfold']['sizes'])} folds")
    axes.fill_between(values[order], (mean - error)[order], (mean + error)[order], color=ORANGE, alpha=0.15)
