"""The picture of verdicts on ReLU networks: fits of one input, their units, and a bound that closes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from service.core.ground.numbers.arrays import FloatArray
from service.core.relu.form import form_of
from service.core.relu.minimum import CertifiedLoop
from service.operations.mapping import problem as problem_mapping
from service.schemas.problem import ProblemDocument
from service.settings import Limits

FILE: Final = Path(__file__).parent.parent / "docs" / "images" / "relu-verdict.png"
SMALL: Final = 1e-9
STYLES: Final = (("#c8641e", "--", "s"), ("#4f8a3c", "-.", "^"), ("#1f5fa8", "-", "o"))


@dataclass(frozen=True, slots=True)
class Fit:
    """A network of one input.

    Attributes
    ----------
    name : str
    slopes, biases, outputs : (m,) array
    offset : float
    """

    name: str
    slopes: FloatArray
    biases: FloatArray
    outputs: FloatArray
    offset: float

    def at(self, x: FloatArray) -> FloatArray:
        """Predictions (n,) at inputs (n,)."""
        return np.maximum(np.outer(x, self.slopes) + self.biases, 0.0) @ self.outputs + self.offset


@dataclass(frozen=True, slots=True)
class Closing:
    """Seconds of a core, value and bound after each step of a certified search; and the loss of somebody else."""

    seconds: list[float]
    values: list[float]
    bounds: list[float]
    cones: int
    peer: float

    @classmethod
    def of(cls, problem: dict[str, Any], peer: float) -> "Closing":
        """Search for the minimum of a problem and note what is known on the way."""
        mapped = problem_mapping.to_core(ProblemDocument.model_validate(problem), Limits(), relu=True)
        form = form_of(mapped.core)
        factor = form.unit * mapped.scaling.loss
        started = time.process_time()
        loop = CertifiedLoop(form.objective, 1e-6, 400_000)
        rows = [
            (time.process_time() - started, factor * known.value, factor * known.dual.bound)
            for known in loop.improvements()
        ]
        seconds, values, bounds = (list(column) for column in zip(*rows, strict=True))
        return cls(seconds, values, bounds, loop.found.cones, peer)


def draw(x: FloatArray, y: FloatArray, fits: Sequence[Fit], closing: Closing) -> None:
    """Write the picture."""
    figure = Figure(figsize=(13.0, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _fits(left, x, y, fits)
    _units(middle, x, fits)
    _closing(right, closing)
    figure.savefig(FILE, dpi=110, metadata={"Software": None})


def _fits(axes: Axes, x: FloatArray, y: FloatArray, fits: Sequence[Fit]) -> None:
    axes.scatter(x, y, s=14, color="0.55", label="samples", zorder=1)
    line = np.linspace(x.min() - 0.1, x.max() + 0.1, 600)
    for fit, (colour, style, _) in zip(fits, STYLES, strict=True):
        axes.plot(line, fit.at(line), style, color=colour, linewidth=1.8, label=fit.name)
    span = y.max() - y.min()
    axes.set_ylim(y.min() - 0.1 * span, y.max() + 0.55 * span)
    axes.legend(loc="upper center", frameon=False, fontsize=9)
    axes.set_xlabel("input")
    axes.set_title("the fit")


def _units(axes: Axes, x: FloatArray, fits: Sequence[Fit]) -> None:
    """Where each unit bends inside the samples, and by how much the slope changes there."""
    axes.axhline(0.0, color="0.8", zorder=0)
    for fit, (colour, _, marker) in zip(fits, STYLES, strict=True):
        bends = -fit.biases / np.where(fit.slopes == 0.0, np.nan, fit.slopes)
        inside = (bends > x.min()) & (bends < x.max())
        strength = np.abs(fit.slopes) * fit.outputs
        axes.plot(bends[inside], strength[inside], marker, color=colour, label=fit.name, markersize=7, alpha=0.8)
    axes.set_xlim(x.min() - 0.1, x.max() + 0.1)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))
    axes.legend(loc="upper center", frameon=False, fontsize=9)
    axes.set_xlabel("input where a unit bends")
    axes.set_title("change of slope of each unit")


def _closing(axes: Axes, closing: Closing) -> None:
    """Distances to the minimum, which is known to within the last of them."""
    minimum = closing.bounds[-1]
    above = [max(value / minimum - 1.0, SMALL) for value in closing.values]
    below = [max(1.0 - bound / minimum, SMALL) for bound in closing.bounds]
    # at the end the two bounds are one
    below[-1] = above[-1]
    axes.step(closing.seconds, below, where="post", color="#7a3fa0", label="proved bound, below it")
    axes.step(closing.seconds, above, where="post", color="#1f5fa8", label="best network, above it")
    axes.axhline(closing.peer / minimum - 1.0, color="#c8641e", linestyle="--", label="PyTorch, Adam, 50 units")
    axes.set_yscale("log")
    axes.set_ylim(1e-8, 1e2)
    axes.set_xlim(0.0, 1.02 * closing.seconds[-1])
    axes.set_xlabel(f"seconds of a core ({closing.cones:,} cones in all)")
    axes.set_ylabel("distance to the minimum, relative")
    axes.legend(loc="upper right", frameon=False, fontsize=9)
    axes.set_title("five inputs: the bound closes")
