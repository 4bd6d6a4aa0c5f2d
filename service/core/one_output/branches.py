"""Stationary points of a one-output problem: losses, norms and classes from the roots of the curve."""

from dataclasses import dataclass
from math import exp, hypot, log

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.one_output.curve import Curve
from service.core.one_output.reduced import ReducedProblem
from service.core.one_output.survey import Survey, survey

NEAR_ZERO = 1e-3
"""Share of what the data explain below which the loss of a point is counted from that of the zero map."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One stationary map of the reduced problem.

    Attributes
    ----------
    log_ridge : float
        log rho of ``w = (A + rho I)^{-1} a / C``; minus infinity for the undecayed map.
    gain : float
        Loss of the zero map minus the loss here, without cancellation.
    loss : float
        From terms that do not cancel.
    log_norm : float
        log ||w||.
    is_minimum : bool
        Strict local minimum or saddle of the reduced problem.
    """

    log_ridge: float
    gain: float
    loss: float
    log_norm: float
    is_minimum: bool


class Branches:
    """All stationary maps of a reduced problem with positive decays and at least one hidden layer."""

    def __init__(self, reduced: ReducedProblem) -> None:
        self.reduced = reduced

    @cached_property
    def curve(self) -> Curve | None:
        """The branch of candidates; ``None`` where the target does not correlate with the inputs."""
        if not self.reduced.values.size:
            return None
        return Curve(self.reduced.values, self.reduced.squares, self.reduced.n_hidden)

    @cached_property
    def survey(self) -> Survey | None:
        """Special points of the curve for the problem's own decay."""
        return None if self.curve is None else survey(self.curve, self.reduced.log_kappa)

    @cached_property
    def all(self) -> tuple[Branch, ...]:
        """From the largest norm to the smallest; complete (certified isolation)."""
        curve, found = self.curve, self.survey
        if curve is None or found is None or not found.roots:
            return ()
        factor, shrink = self.reduced.log_factor, exp(-self.reduced.log_factor)
        log_ridges = np.array([root.t + curve.log_unit for root in found.roots])
        log_norms = np.array([root.log_norm - factor for root in found.roots])
        losses = self._losses(log_ridges, log_norms).tolist()
        return tuple(
            Branch(root.t + curve.log_unit, root.gain * shrink, loss, root.log_norm - factor, root.rising)
            for root, loss in zip(found.roots, losses, strict=True)
        )

    def _losses(self, log_ridges: FloatArray, log_norms: FloatArray) -> FloatArray:
        """Losses (m,) counted from the undecayed map or from the zero map, whichever is nearer: nothing cancels."""
        reduced = self.reduced
        exact, least = reduced.losses_at(log_ridges), reduced.values[0].item()
        if least > 2.0 * NEAR_ZERO * (least + exp(min(float(log_ridges.max()), 600.0))):
            # every direction is explained by more than that share, so all are
            return exact
        ridges = np.exp(np.minimum(log_ridges, 600.0))[:, None]
        resolvent = 1.0 / (reduced.values + ridges)
        pull = (resolvent * resolvent * (reduced.values + 2.0 * ridges)).dot(reduced.squares)
        paid = (reduced.n_hidden + 1.0) * np.exp(np.minimum(reduced.log_decay + reduced.power * log_norms, 690.0))
        from_zero = reduced.variance - pull * exp(-reduced.log_factor) + paid
        return np.where(pull < NEAR_ZERO * reduced.explained, from_zero, exact)

    @cached_property
    def best(self) -> Branch | None:
        """The minimum that beats the zero map most; ``None`` where the zero map is a global minimum."""
        candidates = [branch for branch in self.all if branch.is_minimum and branch.gain > 0.0]
        return max(candidates, key=lambda branch: branch.gain, default=None)

    @cached_property
    def barrier(self) -> float:
        """Highest rise above the zero map on the way in norm to the minimum; 0 where it is the minimum."""
        best = self.best
        if best is None:
            return 0.0
        on_the_way = [-branch.gain for branch in self.all if not branch.is_minimum and branch.log_norm < best.log_norm]
        return max([0.0, *on_the_way])


def parameter_norm(log_norm: float, log_decay: float, weight_decays: FloatArray, power: float) -> float:
    """Norm of all weights at a balanced stationary map, ``||W_l||^2 = G ||w||^q / g_l``, for decays (L,)."""
    shares = [0.5 * (log_decay + power * log_norm - log(decay)) for decay in weight_decays.tolist()]
    return hypot(*(exp(share) for share in shares))
