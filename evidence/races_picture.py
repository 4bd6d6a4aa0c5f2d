"""Success rates of races as small multiples: schemes across, hidden layers down."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from service.core.dynamics.races import wilson_interval
from service.vocabulary import Initialisation, Optimiser

FILE: Final = Path(__file__).parent.parent / "docs" / "images" / "races.png"
SIDES: Final = (
    ("this engine", "o", "#1f5fa8"),
    ("PyTorch, same starts", "s", "#c8641e"),
    ("PyTorch, its own starts", "^", "#4f8a3c"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """Rates of one optimiser in one panel.

    Attributes
    ----------
    depth : int
        Hidden layers.
    scheme, optimiser
    trapped : int
        Starts that are proved trapped.
    counts : sequence of (int, int) or None
        Successes and runs of each of `SIDES`.
    """

    depth: int
    scheme: Initialisation
    optimiser: Optimiser
    trapped: int
    counts: Sequence[tuple[int, int] | None]


def draw(bars: Sequence[Bar]) -> None:
    """Write the picture."""
    depths = sorted({bar.depth for bar in bars})
    figure = Figure(figsize=(13.0, 2.5 * len(depths)), layout="constrained")
    grid = figure.subplots(len(depths), len(Initialisation), sharex=True, sharey=True, squeeze=False)
    for row, depth in enumerate(depths):
        for column, scheme in enumerate(Initialisation):
            _panel(grid[row, column], [bar for bar in bars if (bar.depth, bar.scheme) == (depth, scheme)])
            if row == 0:
                grid[row, column].set_title(scheme.replace("_", " "))
        grid[row, 0].set_ylabel(f"{depth} hidden layers\nshare of runs that\nreach the minimum")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(SIDES), frameon=False)
    figure.savefig(FILE, dpi=110, metadata={"Software": None})


def _panel(axes: Axes, bars: Sequence[Bar]) -> None:
    trapped, runs = bars[0].trapped, (bars[0].counts[0] or (0, 1))[1]
    if trapped:
        # gradient flow cannot bring more of these starts to the minimum
        axes.axhspan(1.0 - trapped / runs, 1.04, color="0.88", zorder=0)
        place = 1.0 - 0.5 * trapped / runs if trapped > runs // 2 else 0.2
        axes.text(1.5, place, f"{trapped} of {runs}\nproved trapped", ha="center", va="center", color="0.35")
    for side, (label, marker, colour) in enumerate(SIDES):
        shown = [(place, bar.counts[side]) for place, bar in enumerate(bars)]
        known = [(place + 0.22 * (side - 1), *count) for place, count in shown if count is not None]
        rates = np.array([count / total for _, count, total in known])
        ends = np.array([wilson_interval(count, total) for _, count, total in known]).reshape(-1, 2)
        reach, places = np.abs(ends.T - rates), [place for place, _, _ in known]
        axes.errorbar(places, rates, reach, fmt=marker, color=colour, markersize=5, linewidth=1.2, label=label)
    axes.set_xticks(range(len(bars)), [bar.optimiser for bar in bars])
    axes.set_xlim(-0.5, len(bars) - 0.5)
    axes.set_ylim(-0.04, 1.04)
    axes.grid(axis="y", color="0.9")
