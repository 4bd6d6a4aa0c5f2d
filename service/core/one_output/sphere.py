"""The reduced loss as a function of the norm of the map, without any root of the secular equation.

On a sphere ``||v|| = r`` the best map solves a trust-region problem, whose multiplier rho is the only root of
a monotone function.  Used to check stationary points, barriers and curves independently of the survey.
"""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.one_output.reduced import ReducedProblem


def multiplier(reduced: ReducedProblem, norms: FloatArray) -> FloatArray:
    """The rho with ``sum a_k^2/(c_k + rho)^2 = r^2`` for each norm r (m,), negative beyond the undecayed map.

    Newton's method on ``1/||v(rho)||``, concave in rho, from below; all norms at once.  O(m d) a step.
    """
    # in units of the largest eigenvalue and of the norm of a nothing overflows
    unit, size = float(reduced.values.max()), reduced.correlation
    values, squares = reduced.values / unit, reduced.squares / size**2
    norms = norms / size * unit
    least = float(values.min())
    amplitude = float(np.sqrt(squares[np.argmin(values)]))
    # at this rho the least eigenvalue's term alone already has the norm r: the root lies above
    rho = amplitude / norms - least
    for _ in range(200):
        shifted = least + rho
        resolvent = shifted[:, None] / (values + rho[:, None])
        square = (resolvent * resolvent).dot(squares)
        cube = (resolvent * resolvent * resolvent).dot(squares)
        step = (1.0 / norms - shifted / np.sqrt(square)) * square * np.sqrt(square) / cube
        rho = rho + step
        if float(np.max(np.abs(step) / (np.abs(rho) + least))) <= 4e-16:
            break
    return rho * unit


def loss_on_spheres(reduced: ReducedProblem, norms: FloatArray) -> FloatArray:
    """Least loss over maps of each norm ``||w||`` (m,), decay included; the loss of zero where the norm is 0."""
    with np.errstate(divide="ignore"):
        decay = np.where(
            norms > 0.0,
            (reduced.n_hidden + 1.0) * np.exp(reduced.log_decay + reduced.power * np.log(norms)),
            0.0,
        )
    losses = np.full(norms.shape, reduced.variance)
    positive = norms > 0.0
    if positive.any() and reduced.values.size:
        rho = multiplier(reduced, norms[positive] * np.exp(reduced.log_factor))
        resolvent = 1.0 / (reduced.values + rho[:, None])
        shrink = np.exp(-reduced.log_factor)
        pull = (resolvent * resolvent * (reduced.values + 2.0 * rho[:, None])).dot(reduced.squares)
        # counted from the zero map or from the undecayed one, whichever is nearer: nothing cancels at either
        share = rho[:, None] * resolvent
        excess = (share * share / reduced.values).dot(reduced.squares)
        below, above = reduced.variance - pull * shrink, reduced.undecayed_loss + excess * shrink
        losses[positive] = np.where(pull < excess, below, above)
    total: FloatArray = losses + decay
    return total
