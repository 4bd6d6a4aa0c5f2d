"""Many independent one-output problems of one shape as stacked arrays, so that each step is one numpy call.

Covers the common case: as many inputs and layers as the other problems, every layer decayed, at least one
hidden, no noise on the inputs and no bias that would change the quadratic form.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.problems import Network, Problem
from service.core.one_output.reduced import centres_the_mean

MOST_CONDITION = 1e6
"""Condition of the second moments up to which problems are stacked."""


def fits_a_stack(problem: Problem) -> bool:
    """Whether a one-output problem is of the plain kind, with a target that correlates with the inputs."""
    network, data = problem.network, problem.data
    decayed = all(layer.weight_decay > 0.0 for layer in network.layers)
    plain = network.n_hidden > 0 and decayed and network.input_noise_variance == 0.0
    # the bounds of a stack charge rounding relative to the largest eigenvalue
    spectrum = data.spectrum
    plain = plain and spectrum.condition_number <= MOST_CONDITION
    plain = plain and spectrum.plain
    return plain and not centres_the_mean(network, data) and bool(_seen(problem).any())


def _seen(problem: Problem) -> BoolArray:
    """Mask of the directions with inputs that the target projects on."""
    spectrum = problem.data.spectrum
    seen: BoolArray = spectrum.active & (spectrum.projections[:, 0] ** 2 > 1e-300)
    return seen


@dataclass(frozen=True)
class Stack:
    """m problems of d inputs and D hidden layers; directions without data or target have square 0 and value 1.

    Attributes
    ----------
    n_hidden : int
    xx : (m, d, d) array
    xy : (m, d) array
    variance : (m,) array
        Mean squared target, the loss of the zero map.
    values, squares, projections : (m, d) arrays
        Eigenvalues, squared projections of the target, and these with their signs.
    vectors : (m, d, d) array
    greatest : (m,) array
        Largest eigenvalue.
    leak : (m,) array
        Norm of the part of the target outside the range of ``xx``.
    decays : (m, D + 1) array
    noise : (m, D) array
        Variance over width of each hidden layer.
    """

    n_hidden: int
    xx: FloatArray
    xy: FloatArray
    variance: FloatArray
    values: FloatArray
    squares: FloatArray
    projections: FloatArray
    vectors: FloatArray
    greatest: FloatArray
    leak: FloatArray
    decays: FloatArray
    noise: FloatArray

    @property
    def size(self) -> int:
        """Number m of problems."""
        return int(self.variance.size)

    @property
    def power(self) -> float:
        """Exponent q = 2/(D+1) of the norm."""
        return 2.0 / (self.n_hidden + 1)

    @cached_property
    def log_factor(self) -> FloatArray:
        """log C, shape (m,)."""
        total: FloatArray = np.log1p(self.noise).sum(axis=1)
        return total

    @cached_property
    def log_kappa(self) -> FloatArray:
        """``log G + (D-1)/(D+1) log C``, shape (m,)."""
        share = (self.n_hidden - 1) / (self.n_hidden + 1)
        log_kappa: FloatArray = np.log(self.decays).mean(axis=1) + share * self.log_factor
        return log_kappa

    @cached_property
    def explained(self) -> FloatArray:
        """``sum a^2/c``: by how much the undecayed map beats the zero map, times C; shape (m,)."""
        explained: FloatArray = (self.squares / self.values).sum(axis=1)
        return explained


def stack_of(problems: Sequence[Problem]) -> Stack:
    """Stack problems for which `fits_a_stack` holds and whose inputs and depths agree."""
    first = problems[0].network
    data = [problem.data for problem in problems]
    spectra = [each.spectrum for each in data]
    seen = np.array([_seen(problem) for problem in problems])
    projections = np.array([spectrum.projections[:, 0] for spectrum in spectra])
    values = np.array([spectrum.values for spectrum in spectra])
    active = np.array([spectrum.active for spectrum in spectra])
    return Stack(
        n_hidden=first.n_hidden,
        xx=np.array([each.xx for each in data]),
        xy=np.array([each.xy[:, 0] for each in data]),
        variance=np.array([each.yy for each in data]),
        values=np.where(seen, values, 1.0),
        squares=np.where(seen, projections * projections, 0.0),
        projections=np.where(seen, projections, 0.0),
        vectors=np.array([spectrum.vectors for spectrum in spectra]),
        greatest=values[:, -1],
        leak=np.sqrt(np.where(active, 0.0, projections * projections).sum(axis=1)),
        decays=np.array([[layer.weight_decay for layer in problem.network.layers] for problem in problems]),
        noise=np.array([_noise(problem.network) for problem in problems]),
    )


def _noise(network: Network) -> list[float]:
    return [layer.noise_variance / layer.width for layer in network.layers[:-1]]
