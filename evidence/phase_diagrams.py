"""Phase diagrams: boundaries against bisection on separate solves, and two pictures."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from service.core.asked.sweeps.axes import Axis, varied
from service.core.asked.sweeps.phase_diagram import PhaseDiagram, phase_diagram
from service.core.asked.sweeps.transitions import Boundary
from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.operations.mapping import problem as problem_mapping
from service.schemas.problem import ProblemDocument
from service.settings import Limits
from service.vocabulary import SweepParameter

IMAGES: Final = Path(__file__).parent.parent / "docs" / "images"
TOLERANCE: Final = 1e-9
LAYER: Final = {"width": 8, "weight_decay": 0.02}
DIABETES: Final = {
    "network": {"layers": [LAYER, LAYER, {"width": 1, "weight_decay": 0.02}]},
    "data": {"kind": "example", "name": "diabetes"},
}


def diabetes() -> Problem:
    """Two hidden layers on the bundled Diabetes data."""
    return problem_mapping.to_core(ProblemDocument.model_validate(DIABETES), Limits()).core


def two_jumps() -> Problem:
    """One direction with a strong signal in the inputs and one a hundred thousand times weaker."""
    moments = Moments(np.diag([1.0, 1e-5]), np.array([[1.0], [0.5e-5**0.5]]), 2.0)
    layers = (Layer(3, weight_decay=1e-3, noise_variance=0.1),) * 2 + (Layer(1, weight_decay=1e-3),)
    return Problem(Network(layers), moments)


def at(problem: Problem, axis: Axis, value: float) -> Problem:
    """The problem with one parameter changed."""
    return varied(problem, [Axis(axis.parameter, np.array([value]), axis.layer)], 0)


def bisected(problem: Problem, axis: Axis, near: float, *, norm: float) -> float:
    """Where separate solves fall below a norm; thresholds are not asked."""

    def fallen(value: float) -> bool:
        return float(np.linalg.norm(solve(at(problem, axis, value)).solution.minimum.end_to_end_map)) <= norm

    low, high = 0.9 * near, 1.1 * near
    if fallen(low) or not fallen(high):
        raise AssertionError("the separate solves do not change near the traced boundary")
    while high / low - 1.0 > 1e-10:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if fallen(middle) else (middle, high)
    return float((low * high) ** 0.5)


def compared(name: str, problem: Problem, diagram: PhaseDiagram) -> list[str]:
    """Rows of a table: every transition at some values of the other axis, against bisection."""
    rows = []
    boundary, other = diagram.boundaries[0], diagram.axes[1]
    for index in np.linspace(0, other.values.size - 1, 5).astype(int).tolist():
        single = varied(problem, [other], index)
        for number, transition in enumerate(boundary.transitions, start=1):
            traced = float(transition.critical[index])
            middle = 0.5 * float(transition.norm_before[index] + transition.norm_after[index])
            last = number == len(boundary.transitions)
            found = bisected(single, diagram.axes[0], traced, norm=0.0 if last else middle)
            error = abs(traced / found - 1.0)
            if error > TOLERANCE:
                raise AssertionError(f"{name}: the traced boundary is off by {error:.1e}")
            kind = "to zero" if last else "between two maps"
            cells = (name, f"{other.values[index]:.4g}", f"{number} ({kind})", f"{traced:.12g}", f"{found:.12g}")
            rows.append(f"| {' | '.join(cells)} | {error:.0e} |")
    return rows


def draw(diagram: PhaseDiagram, title: str, name: str) -> None:
    """Norm of the minimum over the grid, with the boundary and the metastable region."""
    decay, noise = (axis.values for axis in diagram.axes)
    norm = diagram.points.norm.reshape(decay.size, noise.size)
    figure = Figure(figsize=(7.2, 5.0), layout="constrained")
    axes = figure.add_subplot()
    with np.errstate(divide="ignore"):
        shown = np.ma.masked_invalid(np.log10(norm))
    colours = mpl.colormaps["viridis"].with_extremes(bad="#f2f2f2")
    mesh = axes.pcolormesh(decay, noise, shown.T, cmap=colours, shading="nearest", rasterized=True)
    figure.colorbar(mesh, ax=axes, label="log10 of the norm of the global minimum")
    _lines(axes, noise, diagram.boundaries[0])
    axes.set(xscale="log", xlabel="factor on all decays", ylabel="noise variance of the hidden layers", title=title)
    axes.set_xlim(decay[0], decay[-1])
    axes.set_ylim(noise[0], noise[-1])
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / f"{name}.png", dpi=110, metadata={"Software": None})


def _lines(axes: Axes, noise: FloatArray, boundary: Boundary) -> None:
    *jumps, collapse = boundary.transitions
    for jump in jumps:
        axes.plot(jump.critical, noise, color="#ff9f1c", lw=2, ls="--", label="first-order jump between two maps")
    axes.plot(collapse.critical, noise, color="#d00000", lw=2, label="collapse to zero (first order)")
    axes.fill_betweenx(
        noise,
        collapse.critical,
        boundary.metastable,
        facecolor="none",
        edgecolor="#555555",
        hatch="///",
        lw=0.5,
        label="metastable: zero is best, another minimum survives",
    )


def report() -> str:
    """Trace, bisect, draw."""
    noise = Axis(SweepParameter.NOISE_VARIANCE, np.linspace(0.0, 16.0, 240))
    plain = diabetes()
    first = phase_diagram(plain, [Axis(SweepParameter.DECAY_SCALE, np.geomspace(0.3, 30.0, 400)), noise])
    jumping = two_jumps()
    second = phase_diagram(jumping, [Axis(SweepParameter.DECAY_SCALE, np.geomspace(0.3, 1000.0, 600)), noise])
    if len(second.boundaries[0].transitions) != 2:
        raise AssertionError("two successive jumps were expected")
    draw(first, "Diabetes, two hidden layers of width 8", "phase-diagram")
    draw(second, "Two successive first-order jumps", "phase-diagram-two-jumps")
    rows = compared("Diabetes", plain, first) + compared("two jumps", jumping, second)
    return (
        "Critical factors of all decays, traced by threshold code, against bisection on separate solves: the last\n"
        "transition on whether the minimum is the zero map, an earlier one on which root wins.\n\n"
        "| problem | noise variance | transition | traced | by bisection | relative difference |\n"
        "|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n\n![Phase diagram of Diabetes](../images/phase-diagram.png)\n\n"
        "![Two successive jumps](../images/phase-diagram-two-jumps.png)\n"
    )
