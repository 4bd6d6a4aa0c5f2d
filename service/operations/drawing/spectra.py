"""Hessian spectra as pictures: density or all eigenvalues, with the ends marked."""

from typing import TYPE_CHECKING, Final

import numpy as np

from service.operations.drawing.canvas import BLACK, BLUE, GREY, Answer, place_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METHODS: Final = {"exact": "all eigenvalues", "lanczos": "Lanczos"}


def draw_spectrum(figure: "Figure", answer: Answer) -> None:
    """Draw the density on a logarithmic axis."""
    draw_density(figure.add_subplot(), answer)


def draw_density(axes: "Axes", answer: Answer) -> None:
    """Density of the eigenvalues; ticks below it are the eigenvalues or Ritz values themselves."""
    found = answer["density"]
    grid, density = np.asarray(found["eigenvalue"]), np.asarray(found["density"])
    floor = max(1e-6 * float(density.max()), 1e-300)
    axes.semilogy(grid, np.maximum(density, floor), color=BLUE)
    axes.fill_between(grid, floor, np.maximum(density, floor), color=BLUE, alpha=0.2)
    exact = answer["eigenvalues"] is not None
    ticks = answer["eigenvalues"] if exact else answer["quadrature"]["value"]
    label = "eigenvalues" if exact else "Ritz values"
    axes.plot(ticks, np.full(len(ticks), floor), "|", color=GREY, markersize=9, label=label)
    for end in ("least", "largest"):
        value = answer[end]["value"]
        axes.axvline(value, color=BLACK, linestyle=":", label=f"{end}: {value:.4g}")
    axes.set(xlabel="eigenvalue of the Hessian", ylabel="density", ylim=(0.5 * floor, None))
    axes.legend(fontsize=8)
    where = "" if answer["smooth"] else ",\non a kink, of the piece to its left"
    title = f"Spectrum over {answer['weights']} weights, {METHODS[answer['method']]}{where}"
    place_title(axes, title, answer["evidence"])
