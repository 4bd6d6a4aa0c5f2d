"""Data of a problem, conditioned once: all that squared loss of a linear network sees of them.

All code that needs second moments, means, ranks or errors reads them here.  Samples come as a triangular factor, which
keeps what moments lose; moments are taken as they are, and rescaled where their numbers lie far apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from service.core.ground.data.least_squares import LeastSquares, centred_root, raw_root
from service.core.ground.data.moment_root import ScaledMoments, root_of_moments, scaled_moments
from service.core.ground.data.polished import polished
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.factor import Factor, factor_of_samples
from service.core.ground.numbers.spectrum import Spectrum, spectrum_of
from service.core.ground.numbers.twofold import added, exactly, negated, product
from service.errors import InputError

SCALES_APART = 1e3
"""Root mean squares of inputs further apart than this are not decomposed together as they are."""
WELL_CONDITIONED = 1e-8
"""Least eigenvalue of second moments, relative to the largest, that an unscaled decomposition gets right."""

CANCELLING = 1e-3
"""Share of the targets' mean square below which an error is no difference of moments any more."""
SPOILING = 2e-6
"""That share for each unit of the condition number: a difference of moments is then right to some ten digits."""

Change = Callable[[LeastSquares], LeastSquares]
"""What noise or a ridge adds to a root."""


def unchanged(root: LeastSquares) -> LeastSquares:
    """No change of a root."""
    return root


@dataclass(frozen=True)
class Moments:
    """Second moments of the data, with the factor of the samples where they were seen.

    Attributes
    ----------
    xx : (d, d) array
        ``E[x x^T]``, symmetric and positive semidefinite.
    xy : (d, k) array
        ``E[x y^T]``, its columns in the range of ``xx``.
    yy : float
        ``E||y||^2``.
    n : int or None
        Number of samples, where known.
    x_mean : (d,) array or None
    y_mean : (k,) array or None
    factor : Factor or None
        Of the samples; every decision about them is read from it.  Only `moments_of_factor` sets it: moments that are
        changed with `dataclasses.replace` are no longer those of the samples.
    sizes : (d,) array or None
        Root mean squares of the inputs before means were taken off, to which rounding in ``xx`` is relative; None
        where nothing was lost to means.
    """

    xx: FloatArray
    xy: FloatArray
    yy: float
    n: int | None = None
    x_mean: FloatArray | None = None
    y_mean: FloatArray | None = None
    factor: Factor | None = field(default=None, init=False, repr=False, compare=False)
    sizes: FloatArray | None = None

    @cached_property
    def least_square(self) -> float:
        """Least mean square of an input."""
        return float(self.xx.diagonal().min())

    @cached_property
    def largest_square(self) -> float:
        """Largest mean square of an input."""
        return float(self.xx.diagonal().max())

    @property
    def inputs(self) -> int:
        """Number of inputs d."""
        return int(self.xx.shape[0])

    @property
    def outputs(self) -> int:
        """Number of outputs k."""
        return int(self.xy.shape[1])

    @cached_property
    def root(self) -> LeastSquares:
        """The squared error by a root of the data.  O(d^3)."""
        if self.factor is not None:
            # where means were taken off nothing of them is left in the moments
            zero = self.x_mean is not None and not np.any(self.x_mean) and not np.any(self.y_mean)
            return centred_root(self.factor) if zero else raw_root(self.factor)
        return root_of_moments(self.scaled, self.yy)

    @cached_property
    def scaled(self) -> ScaledMoments:
        """The moments in units of the inputs, with their eigenpairs.  O(d^3)."""
        sizes = np.sqrt(np.maximum(self.xx.diagonal(), 0.0)) if self.sizes is None else self.sizes
        return scaled_moments(self.xx, self.xy, sizes)

    @cached_property
    def as_they_are(self) -> Spectrum:
        """Eigenpairs of the moments as they are, whatever their units.  O(d^3)."""
        return spectrum_of(self.xx, self.xy)

    @cached_property
    def spectrum(self) -> Spectrum:
        """Eigendecomposition of ``xx``, computed once and shared."""
        return self.decomposed(self.xx, unchanged)

    def decomposed(self, second: FloatArray, change: Change) -> Spectrum:
        """Eigenpairs of ``xx``, or of what noise makes of it.

        Parameters
        ----------
        second : (d, d) array
            ``xx`` with what is added to it.
        change : callable
            Makes the same change to a root.

        Notes
        -----
        Well-scaled, well-conditioned moments are decomposed as they are, otherwise their root is.  O(d^3).
        """
        if self.sizes is None and self._scaled_alike(second):
            found = self.as_they_are if second is self.xx else spectrum_of(second, self.xy)
            if found.values[0] > WELL_CONDITIONED * found.values[-1] or found.rank_tolerance == 0.0:
                unexplained = self.yy - found.explained
                # eigenvalues are off by a rounding of the largest, and what they explain by as much of itself
                lost = max(CANCELLING, SPOILING * found.condition_number)
                if self.factor is None or unexplained > lost * self.yy:
                    return found
                return replace(found, residual=change(self.root).residual_of(found))
        found = change(self.root).spectrum()
        return found if self.factor is not None else polished(found, second, self.xy, self.yy)

    def _scaled_alike(self, second: FloatArray) -> bool:
        """Whether the diagonal shows no inputs of very different size, or there is nothing but the diagonal."""
        own = second is self.xx
        least = self.least_square if own else float(second.diagonal().min())
        largest = self.largest_square if own else float(second.diagonal().max())
        if least * SCALES_APART**2 >= largest > 0.0:
            return True
        return bool(np.count_nonzero(second) == np.count_nonzero(second.diagonal()))

    @cached_property
    def centred(self) -> bool:
        """Whether both means are known and exactly, or to rounding, zero.

        A mean counts as rounding when it is below ``1e-14`` of the root mean square of its variable.
        """
        if self.x_mean is None or self.y_mean is None:
            return False
        x_scale = np.sqrt(np.maximum(self.xx.diagonal(), 0.0))
        x_centred = bool(np.all(np.abs(self.x_mean) <= 1e-14 * x_scale))
        return x_centred and float(np.linalg.norm(self.y_mean)) <= 1e-14 * float(np.sqrt(self.yy))

    @cached_property
    def central(self) -> "Moments":
        """Moments about the means, which are zero there.

        Raises
        ------
        InputError
            Where a mean is unknown.

        Notes
        -----
        From a factor nothing is subtracted; from raw moments the products of means are taken off in twice the working
        precision, so that the difference of the numbers that were given is right to its last digit.
        """
        if self.x_mean is None or self.y_mean is None:
            missing = "x_mean" if self.x_mean is None else "y_mean"
            raise InputError.at(("data", missing), "is missing: a bias or centring needs the means")
        none_x, none_y = np.zeros_like(self.x_mean), np.zeros_like(self.y_mean)
        if self.factor is not None:
            return _of_second(self.factor.second, replace(self.factor, x_mean=none_x, y_mean=none_y))
        x, y = self.x_mean[:, None], self.y_mean[None, :]
        return Moments(
            xx=_difference(self.xx, x, x.T),
            xy=_difference(self.xy, x, y),
            yy=max(_difference(np.array([[self.yy]]), y, y.T).item(), 0.0),
            n=self.n,
            x_mean=none_x,
            y_mean=none_y,
            sizes=np.sqrt(np.maximum(self.xx.diagonal(), 0.0)) if np.any(self.x_mean) else self.sizes,
        )

    @property
    def rooted(self) -> bool:
        """Whether errors are read off a root: of badly scaled data, and of samples that can be fitted well."""
        return self.spectrum.residual is not None

    def mean_square(self, end_to_end_map: FloatArray) -> float:
        """``E||W x||^2`` of a map (k, d), not negative.  O(k d^2)."""
        if self.rooted:
            return float(np.sum((self.root.root @ end_to_end_map.T) ** 2))
        return max(float(np.vdot(end_to_end_map @ self.xx, end_to_end_map)), 0.0)

    def fit(self, end_to_end_map: FloatArray, offset: FloatArray) -> float:
        """Mean squared error ``E||W x + b - y||^2`` of a map (k, d) with an offset (k,), not negative.  O(k d^2)."""
        if np.any(offset) and self.x_mean is not None and self.y_mean is not None:
            missed = offset + end_to_end_map @ self.x_mean - self.y_mean
            return self.central.error(end_to_end_map) + float(missed @ missed)
        return self.error(end_to_end_map) + float(offset @ offset)

    def error(self, end_to_end_map: FloatArray) -> float:
        """``E||W x - y||^2`` of a map (k, d), not negative.  O(k d^2)."""
        if self.rooted:
            return self.root.fit(end_to_end_map)
        quadratic = float(np.sum((end_to_end_map @ self.xx) * end_to_end_map))
        return max(quadratic - 2.0 * float(np.sum(end_to_end_map * self.xy.T)) + self.yy, 0.0)

    @cached_property
    def lost_digits(self) -> float:
        """Decimal digits that offsets take from deviations: ``log10`` of the largest mean over its deviation; or 0."""
        if self.x_mean is None or self.y_mean is None:
            return 0.0
        if self.factor is not None:
            spread = self.factor.deviations[: self.inputs]
        else:
            spread = np.sqrt(np.maximum(self.central.xx.diagonal(), 0.0))
        seen = spread > 0.0
        if not seen.any():
            return 0.0
        return float(max(np.log10(max(np.max(np.abs(self.x_mean[seen]) / spread[seen]), 1.0)), 0.0))


def _difference(moments: FloatArray, column: FloatArray, row: FloatArray) -> FloatArray:
    """``moments - column row``, rounded once."""
    return added(exactly(moments), negated(product(column, row))).rounded()


@np.errstate(over="ignore", invalid="ignore", under="ignore")  # the caller refuses what overflows, with the field
def moments_of_factor(factor: Factor) -> Moments:
    """Moments of the samples that a factor stands for.  O((d + k)^3)."""
    mean = np.concatenate((factor.x_mean, factor.y_mean))
    second = factor.second + mean[:, None] * mean if mean.any() else factor.second
    return _of_second(second, factor)


def _of_second(second: FloatArray, factor: Factor) -> Moments:
    """Moments of a factor from those of all columns (d + k, d + k), about zero or about its means."""
    inputs = factor.inputs
    found = Moments(
        xx=second[:inputs, :inputs],
        xy=second[:inputs, inputs:],
        yy=float(second[inputs:, inputs:].trace()),
        n=factor.n,
        x_mean=factor.x_mean,
        y_mean=factor.y_mean,
    )
    object.__setattr__(found, "factor", factor)
    return found


def moments_of(x: FloatArray, y: FloatArray) -> Moments:
    """Moments of samples ``x`` (n, d) and ``y`` (n, k), n >= 1.  O(n (d + k)^2)."""
    return moments_of_factor(factor_of_samples(x, y))
