"""The squared error measured about a map, and the quadratics below it that follow.

Errors of the slope are charged to the curvature, or at once where the maps that matter are short enough to make that
cheaper.  Statement and proof: ``docs/theory/enclosures.md``.
"""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.enclosures.directions import LARGEST_SHARE, Curvatures, curvature_along
from service.core.ground.enclosures.expansion import ExpandedError
from service.core.ground.enclosures.longest import longest_useful, without_shells
from service.core.ground.enclosures.sources import Source, gamma
from service.core.ground.enclosures.sums import times_precisely
from service.core.ground.enclosures.weak import as_they_are, found_again
from service.core.ground.numbers.arrays import FloatArray

NEGLIGIBLE = 1e-12
"""What one kind of charge may cost, in units of gaps, before a cheaper way is tried."""
LEANING = 1e-11
"""Departure from orthonormal directions, in norm, that decays are not reduced by: where directions are dependent."""
SHORTER = 0.5
"""A bound of the norm is worth another expansion if it is below this share of the last."""
ROUNDS = 4
COSTLY = 1e-10
"""What charges that grow with the norm may take off, in units of gaps, before the norm is bounded more closely."""


@dataclass(frozen=True)
class Measured:
    """The squared error about a map.

    Attributes
    ----------
    expansion : ExpandedError
        Nothing charged for the error of the slope yet.
    wrong : (d,) array
        Bound on the norm of the error of the slope along each direction.
    curvatures : tuple of Curvatures
        To choose from, see `curvature_along`; the expansion has none of them yet.
    unit : float
        What gaps are relative to.
    """

    expansion: ExpandedError
    wrong: FloatArray
    curvatures: tuple[Curvatures, ...]
    unit: float

    def _curvature(self, norm: float) -> Curvatures:
        """The first curvature whose weak directions take next to nothing off up to a norm, else the last."""
        if np.isfinite(norm):
            for curvature in self.curvatures:
                weak = curvature.values == 0.0
                far = 1.1 * norm + float(np.linalg.norm(self.expansion.centre[:, weak]))
                if curvature.bend * far * far <= NEGLIGIBLE * self.unit:
                    return curvature
        return self.curvatures[-1]

    def charged(self, ridge: float, norm: float) -> ExpandedError:
        """A quadratic below the error of every map of Frobenius norm up to ``norm``.

        Parameters
        ----------
        ridge : float
            Of `ExpandedError.ridge_minimum`, if the expansion is used for that alone; it then helps against the error.
        norm : float
            Infinite if all maps matter; weak directions then stay weak.
        """
        found, wrong, (values, bend) = self.expansion, self.wrong, self._curvature(norm)
        known, charge = values > 0.0, 0.0
        at_once = np.zeros_like(known)
        if np.isfinite(norm):
            if not known.all():
                # any curvature will do where maps are bounded, if what it adds is taken off again
                weak = ~known
                far = 1.1 * norm + float(np.linalg.norm(found.centre[:, weak]))
                curvature = NEGLIGIBLE * self.unit / max(far * far, 1e-290)
                charge = far * (2.0 * float(np.linalg.norm(wrong[weak])) + (curvature + bend) * far)
                values, wrong, bend = np.where(weak, curvature, values), np.where(weak, 0.0, wrong), 0.0
                known = np.ones_like(known)
            reach = 1.1 * norm + np.linalg.norm(found.centre, axis=0)
            bill = 2.0 * wrong * reach
            at_once = (bill <= NEGLIGIBLE * self.unit) | (0.03 * bill * (values + ridge) <= wrong * wrong)
            charge += float(np.sum(bill[at_once]))
        others = known & ~at_once
        lost = float(np.sum(wrong[others] ** 2 / (values[others] + ridge)))
        share = float(np.clip(lost / (NEGLIGIBLE * self.unit), 1e-14, LARGEST_SHARE))
        tilt = 1.01 * float(np.linalg.norm(wrong[~known]))
        value = found.value - 1.01 * (lost / share + charge)
        return replace(found, value=value, values=values * (1.0 - share), share=share, tilt=tilt, bend=bend)

    def decayed(self, decays: FloatArray, upper: float) -> tuple[ExpandedError, float]:
        """The quadratic for a network with these decays (L,), and a norm beyond which no map is below ``upper``.

        Notes
        -----
        A map below ``upper`` leaves the decay no more than ``upper`` minus the least error, which bounds its norm; a
        shorter norm makes a better bound of the least error, and so on.
        """
        ridge = float(decays[0]) if decays.size == 1 else 0.0
        norm = longest_useful(decays, upper)
        found = self.charged(ridge, norm)
        certain = len(self.curvatures) == 1 and bool(found.known.all()) and bool(self.curvatures[0].values.all())
        if not np.isfinite(norm) or (certain and found.share <= 1e-13):
            # nothing that a shorter norm would make cheaper
            return found, norm
        free = self.charged(0.0, np.inf)
        for _ in range(ROUNDS):
            least = max(found.rest, free.rest - free.weak_cost(norm), 0.0)
            shorter = longest_useful(decays, upper - least + 1e-15 * upper)
            if shorter >= SHORTER * norm:
                break
            norm = shorter
            found = self.charged(ridge, norm)
        return self._within_shells(decays, upper, found, norm)

    def _within_shells(
        self, decays: FloatArray, upper: float, found: ExpandedError, norm: float
    ) -> tuple[ExpandedError, float]:
        """The same with a norm from the error and the decay together, where charges that grow with it are felt."""
        ridge = float(decays[0]) if decays.size == 1 else 0.0
        for _ in range(ROUNDS):
            if self.expansion.value - found.value <= COSTLY * self.unit:
                break
            shorter = without_shells(self.charged(0.0, norm) if ridge else found, decays, upper, norm)
            if shorter >= SHORTER * norm:
                break
            norm = shorter
            found = self.charged(ridge, norm)
        return found, norm


def measure(
    source: Source,
    basis: FloatArray,
    squares: FloatArray,
    end_to_end_map: FloatArray,
    unit: float,
    precise: bool = False,
    *,
    decayed: bool = False,
) -> Measured:
    """Measure the squared error about a map.

    Parameters
    ----------
    source : Source
    basis : (d, d) array
        Directions in which second moments are nearly diagonal, nearly orthonormal; validity does not depend on it.
    squares : (d,) array
        Second moments along them, or estimates; zero where there are no data.
    end_to_end_map : (k, d) array
        Bounds are sharpest there.
    unit : float
        What gaps are relative to; positive.
    precise : bool
        Whether value, slope and curvature are found in about twice the working precision.
    decayed : bool
        Whether every layer is decayed: maps are then as long as pays, and in precise measurements moments that no data
        have stand for the nearest that some have, less what that adds to the error of ``end_to_end_map``.

    Notes
    -----
    O(d^3 + k d^2), and one or two passes over rows.
    """
    inputs = len(squares)
    if _departure(basis) > LEANING + 2.0 * gamma(inputs + 2.0) * inputs:
        # strong directions first, which keep their own
        basis = np.ascontiguousarray(np.linalg.qr(basis[:, ::-1])[0][:, ::-1])
    found = as_they_are(source, basis, squares)
    if precise and decayed:
        found = found_again(source, basis, squares, len(end_to_end_map))
    source, basis, squares = found.source, found.basis, found.squares
    centre = end_to_end_map @ basis
    if precise:
        high, low, moved = times_precisely(centre, basis, source.sizes)
    else:
        high = centre @ basis.T
        low = np.zeros_like(high)
        moved = gamma(inputs + 2.0) * np.linalg.norm(np.abs(centre) @ np.abs(basis.T), axis=0)
    local = source.near(high, low, precise)
    steepness = np.linalg.norm(local.slope, axis=0)
    shifted = float(source.sizes @ moved)
    value_error = 1.01 * (local.value_error + 2.0 * float(steepness @ moved) + shifted * shifted)
    slope_error = local.slope_error + 1.01 * shifted * source.sizes + gamma(inputs + 4.0) * steepness
    slope, wrong = local.slope @ basis, slope_error @ np.abs(basis)
    if found.faint.any():
        along, off = source.slope_along(high, basis[:, found.faint])
        reach = source.sizes @ np.abs(basis[:, found.faint])
        slope[:, found.faint], wrong[found.faint] = along, off + 1.01 * shifted * reach
    expansion = ExpandedError(
        basis=basis,
        stretch=_departure(basis),
        centre=centre,
        value=local.value - value_error - 1.01 * found.added(end_to_end_map),
        upper=local.value + value_error,
        slope=slope,
        values=np.zeros(inputs),
        share=0.0,
        tilt=0.0,
        bend=0.0,
    )
    curvatures = curvature_along(source, basis, squares, precise)
    return Measured(expansion, wrong, curvatures, unit)


def _departure(basis: FloatArray) -> float:
    """Bound on the norm of ``basis' basis - 1``."""
    gram = basis.T @ basis
    gram[np.diag_indices_from(gram)] -= 1.0
    inputs = len(basis)
    # columns have norms near one, so that the moduli of a product of two of them add up to one at most
    return 1.01 * (float(np.linalg.norm(gram)) + gamma(inputs + 2.0) * inputs)
