"""How the map of a one-output minimum answers to a change of the data, for many values of one parameter at once.

In the eigenbasis of the quadratic form the second derivatives at a minimum are ``2 (diag(c + rho) + (q-2) rho n n')``
with n the unit vector along the map: a diagonal and one rank, whatever the depth.  Derivation:
``docs/theory/selection.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.asked.sweeps.axes import SweptSettings
from service.core.ground.numbers.arrays import BoolArray, FloatArray, IntArray
from service.core.ground.problems import Moments, Problem
from service.core.one_output.reduced import ReducedProblem, centres_the_mean

LARGEST_LOG = 690.0


@dataclass(frozen=True)
class Minimisers:
    """Minimising maps of one quadratic form for m values, in the d coordinates of its eigenvectors.

    Attributes
    ----------
    vectors : (d, d) array
    values : (m, d) array
        c: eigenvalues of the quadratic form, noise included.
    maps : (m, d) array
        Coordinates of w.
    ridges : (m,) array
        rho, the effective ridge of the decay; 0 where the map is zero or nothing decays.
    norms : (m,) array
    decays : (m,) array
        G, the geometric mean of the decays.
    stuck : (m,) array of bool
        Whether the zero map is a minimum because weights multiply: small changes of the data do not move it.
    power : float
        q = 2/(D+1), the exponent of the norm.
    """

    vectors: FloatArray
    values: FloatArray
    maps: FloatArray
    ridges: FloatArray
    norms: FloatArray
    decays: FloatArray
    stuck: BoolArray
    power: float

    def taken(self, places: IntArray) -> "Minimisers":
        """Those at some ``places`` (p,) of the m values."""
        return Minimisers(
            self.vectors,
            self.values[places],
            self.maps[places],
            self.ridges[places],
            self.norms[places],
            self.decays[places],
            self.stuck[places],
            self.power,
        )

    def inverse(self, data_factor: float = 1.0, decay_factor: float = 1.0) -> "Inverse":
        """Inverse of half the Hessian, with its two parts multiplied."""
        diagonal = data_factor * self.values + decay_factor * self.ridges[:, None]
        free = (diagonal > 0.0) & ~self.stuck[:, None]
        reciprocal = np.where(free, 1.0 / np.where(free, diagonal, 1.0), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            direction = np.where(self.norms[:, None] > 0.0, self.maps / self.norms[:, None], 0.0)
        towards = reciprocal * direction
        bent = decay_factor * (self.power - 2.0) * self.ridges
        pull = np.vecdot(direction, towards)
        return Inverse(reciprocal, towards, bent, 1.0 + bent * pull)


@dataclass(frozen=True)
class Inverse:
    """``diag(reciprocal) - (bent / curvature) towards towards'``, for each of m values.

    Attributes
    ----------
    reciprocal, towards : (m, d) arrays
        The second is the first times the direction of the map.
    bent : (m,) array
        What the decay takes off the curvature along the map.
    curvature : (m,) array
        Positive at a strict minimum.
    """

    reciprocal: FloatArray
    towards: FloatArray
    bent: FloatArray
    curvature: FloatArray

    @property
    def share(self) -> FloatArray:
        """What is taken off along the map (m, 1)."""
        return (self.bent / self.curvature)[:, None]

    def between(self, products: FloatArray, along: FloatArray, beside: FloatArray) -> FloatArray:
        """``a' B b`` for pairs of rows a, b; shape (m, n).

        Parameters
        ----------
        products : (n, d) array
            Of their entries.
        along, beside : (m, n) arrays
            What `along` gives for the rows a, and for the rows b.
        """
        found: FloatArray = along * beside
        found *= -self.share
        found += self.reciprocal @ products.T
        return found

    def along(self, rows: FloatArray) -> FloatArray:
        """Products of ``towards`` with each row; shape (m, n)."""
        found: FloatArray = self.towards @ rows.T
        return found

    def square(self, rows: FloatArray, products: FloatArray, along: FloatArray) -> FloatArray:
        """``a' B^2 a`` for each row a of ``rows`` (n, d), with its squared entries and what `along` gives; (m, n)."""
        moved = self.share * along
        found: FloatArray = moved * np.vecdot(self.towards, self.towards)[:, None]
        found -= 2.0 * ((self.reciprocal * self.towards) @ rows.T)
        found *= moved
        found += (self.reciprocal**2) @ products.T
        return np.maximum(found, 0.0, out=found)

    def trace(self, form: FloatArray) -> FloatArray:
        """``tr(B form)`` for a symmetric form (d, d); shape (m,)."""
        bent = np.vecdot(self.towards @ form, self.towards)
        found: FloatArray = self.reciprocal @ np.diagonal(form) - self.bent / self.curvature * bent
        return found


def minimisers(
    reduced: ReducedProblem, settings: SweptSettings, log_factor: FloatArray, norms: FloatArray
) -> Minimisers:
    """The minimisers whose norms are known, since the norm decides the effective ridge and this the map.

    Parameters
    ----------
    reduced : ReducedProblem
    settings : SweptSettings
        Decays at the m values.
    log_factor : (m,) array
        Logarithm of what multiplies the quadratic form; zero where the noise is inside it.
    norms : (m,) array
    """
    spectrum, power = reduced.spectrum, reduced.power
    values = np.where(spectrum.active, spectrum.values, 0.0) * np.exp(np.minimum(log_factor, LARGEST_LOG))[:, None]
    log_decay = settings.log_decays.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ridge = log_decay + (0.0 if reduced.n_hidden == 0 else (power - 2.0) * np.log(norms))
    decayed = np.isfinite(log_ridge)
    ridges = np.where(decayed, np.exp(np.minimum(np.where(decayed, log_ridge, 0.0), LARGEST_LOG)), 0.0)
    zero = norms == 0.0
    stuck = zero & np.isfinite(log_decay) if reduced.n_hidden else np.zeros(norms.size, dtype=np.bool_)
    denominators = values + ridges[:, None]
    seen = (denominators > 0.0) & spectrum.active & ~zero[:, None]
    maps = np.where(seen, spectrum.projections[:, 0] / np.where(seen, denominators, 1.0), 0.0)
    decays = np.exp(np.minimum(log_decay, LARGEST_LOG))
    return Minimisers(spectrum.vectors, values, maps, ridges, norms, decays, stuck, power)


def degrees_of_freedom(problem: Problem, found: Minimisers) -> FloatArray:
    """By how much predictions follow their own targets, ``sum_i d f(x_i)/d y_i``; shape (m,).

    ``tr(H^-1 2 A)`` with A the second moments of what the mean prediction reads, and one more for a free bias of the
    output.  O(d^3 + m d^2).
    """
    free = problem.network.has_bias(problem.network.n_layers - 1)
    seen = _seen(problem)
    own = found.vectors.T @ seen.xx @ found.vectors
    return found.inverse().trace(own) + (1.0 if free else 0.0)


def _seen(problem: Problem) -> Moments:
    return problem.data.central if centres_the_mean(problem.network, problem.data) else problem.data
