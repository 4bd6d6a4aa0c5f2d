"""Facts of the data on which theorems about landscapes depend, each computed once a problem.

A fact that the data do not determine (moments without samples, no data at all) is ``None``, never a guess.
"""

from dataclasses import dataclass

import numpy as np

from service.core.data_facts.affine import refined_residual
from service.core.data_facts.rank import centred_columns, range_of, rank_of_table
from service.core.ground.data.moments import centred
from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.spectrum import EPSILON, Spectrum
from service.core.ground.problems import Moments, Problem, Samples
from service.vocabulary import Loss

FIT_TOLERANCE = 1e-9
"""Share of the mean square of the targets below which a residual counts as zero."""

ROUNDING = (100.0 * EPSILON) ** 2
"""Share of the mean square of the targets that the rounding of their means can leave as a variance."""

GAP_TOLERANCE = 1e-9
"""Relative difference below which two singular values count as equal."""

WHITE_TOLERANCE = 1e-9
"""Relative deviation of ``xx`` from a multiple of the identity that counts as rounding."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Samples with equal inputs, gathered.

    Attributes
    ----------
    x : (m, d) array
        The distinct inputs.
    y : (m, k) array
        Mean target of each.
    counts : (m,) array
    conflicting : int
        Number of distinct inputs that come with different targets.
    """

    x: FloatArray
    y: FloatArray
    counts: IntArray
    conflicting: int


class DataFacts:
    """Facts of the data of one problem; attributes are ``None`` where the data do not determine them.

    Tolerances are module constants and the ``rank_tolerance`` of each spectrum.
    """

    def __init__(self, moments: Moments | None, samples: Samples | None, loss: Loss) -> None:
        self.moments = moments
        self.samples = samples
        self.loss = loss

    @property
    def n(self) -> int | None:
        """Number of samples."""
        return None if self.moments is None else self.moments.n

    @cached_property
    def groups(self) -> Groups | None:
        """Samples by distinct input; equality is exact."""
        if self.samples is None:
            return None
        x, y = self.samples.x, self.samples.y
        if _all_differ(x):
            return Groups(x, y, np.ones(len(x), dtype=np.int_), 0)
        # minus zero equals zero, but its bytes differ
        rows = np.ascontiguousarray(x + 0.0)
        words = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).reshape(-1)
        _, first, inverse, counts = np.unique(words, return_index=True, return_inverse=True, return_counts=True)
        inverse = inverse.reshape(-1)
        means = np.zeros((len(first), y.shape[1]))
        np.add.at(means, inverse, y)
        means /= counts[:, None]
        differs = np.any(y != y[first][inverse], axis=1)
        return Groups(x[first], means, counts, len(np.unique(inverse[differs])))

    @property
    def distinct(self) -> int | None:
        """Number of distinct inputs."""
        return None if self.groups is None else len(self.groups.x)

    @property
    def conflicting(self) -> int | None:
        """Number of inputs that come with different targets."""
        return None if self.groups is None else self.groups.conflicting

    @cached_property
    def centred(self) -> Moments | None:
        """Moments about the means; ``None`` where a mean is unknown."""
        moments = self.moments
        if moments is None or moments.x_mean is None or moments.y_mean is None:
            return None
        return centred(moments)

    @cached_property
    def centred_spectrum(self) -> Spectrum | None:
        """Eigendecomposition of the covariance."""
        if self.centred is None or self.moments is None:
            return None
        return self.centred.spectrum

    @property
    def rank_x(self) -> int | None:
        """Rank of the inputs."""
        return None if self.moments is None else self.moments.spectrum.rank

    @property
    def rank_x_and_one(self) -> int | None:
        """Rank of the inputs with a constant one appended."""
        return None if self.centred_spectrum is None else self.centred_spectrum.rank + 1

    @cached_property
    def rank_y(self) -> int | None:
        """Rank of the targets, from the samples."""
        return None if self.samples is None else rank_of_table(self.samples.y)

    @cached_property
    def rank_xy(self) -> int | None:
        """Rank of ``xy``, decided on it in units of the root mean squares of inputs and targets."""
        if self.correlations is None:
            return None
        values = np.linalg.svd(self.correlations, compute_uv=False)
        return int(np.count_nonzero(values > 100.0 * max(self.correlations.shape) * EPSILON))

    @cached_property
    def correlations(self) -> FloatArray | None:
        """``xy`` in units of the root mean squares of inputs and targets, entries at most one; shape (d, k)."""
        moments = self.moments
        if moments is None:
            return None
        sizes = np.sqrt(np.maximum(moments.xx.diagonal(), 0.0))
        targets = np.full(moments.outputs, np.sqrt(max(moments.yy, 0.0)))
        if self.samples is not None:
            targets = np.sqrt(np.mean(self.samples.y**2, axis=0))
        units = np.where(sizes > 0.0, sizes, 1.0)[:, None] * np.where(targets > 0.0, targets, 1.0)
        scaled: FloatArray = moments.xy / units
        return scaled

    @cached_property
    def explained(self) -> FloatArray | None:
        """Singular values (k,) of the targets projected on the row space of the inputs, over sqrt(n); descending."""
        return None if self.moments is None else explained_values(self.moments.spectrum)

    @cached_property
    def whitening(self) -> tuple[float, float] | None:
        """Mean eigenvalue c of ``xx`` and the relative deviation of ``xx`` from ``c I``."""
        if self.moments is None:
            return None
        values = self.moments.spectrum.values
        c = float(values.mean())
        return (c, float(np.abs(values - c).max()) / c) if c > 0.0 else (0.0, np.inf)

    @cached_property
    def affine_residual(self) -> float | None:
        """Mean squared error of the best affine map to the conditional means of the targets."""
        if self.groups is None:
            return None
        if self.moments is not None and self.samples is not None and self.samples.weights is None:
            all_differ = len(self.groups.counts) == len(self.samples.x)
            refined = refined_residual(self.moments, self.samples) if all_differ else None
            if refined is not None:
                return refined
        shares = self.groups.counts / self.groups.counts.sum()
        roots = np.sqrt(shares)[:, None]
        basis = range_of(roots * centred_columns(self.groups.x, shares))
        errors = roots * centred_columns(self.groups.y, shares)
        # twice, so that what rounding leaves of a perfect fit is relative to the fit and not to the targets
        for _ in range(2):
            errors = errors - basis @ (basis.T @ errors)
        return float(np.sum(errors * errors))

    @cached_property
    def conditional_variance(self) -> float | None:
        """Variance over the samples of the conditional means of the targets."""
        if self.groups is None:
            return None
        shares = self.groups.counts / self.groups.counts.sum()
        spread = centred_columns(self.groups.y, shares)
        return float(np.sum(shares[:, None] * spread * spread))

    @cached_property
    def slope_at_zero(self) -> FloatArray | None:
        """Minus the gradient of the data term with respect to a linear map, at zero, halved; shape (d, k).

        For squared loss this is ``xy``.
        """
        moments = self.moments
        if moments is None or self.loss is Loss.WEIGHTED_SQUARED:
            return None
        if self.loss is Loss.SQUARED:
            return moments.xy
        if self.loss is Loss.LOGISTIC:
            return moments.xy / 4.0
        if self.loss is Loss.EXPONENTIAL:
            return moments.xy / 2.0
        if moments.x_mean is None:
            return None
        return (moments.xy - moments.x_mean[:, None] / moments.outputs) / 2.0

    @cached_property
    def pull_at_zero(self) -> float | None:
        """Largest singular value of `slope_at_zero`; zero if all entries are within rounding of input and targets."""
        if self.slope_at_zero is None or self.moments is None:
            return None
        moments = self.moments
        sizes = np.sqrt(np.maximum(moments.xx.diagonal(), 0.0) * max(moments.yy, 0.0))
        if not np.any(np.abs(self.slope_at_zero) > 100.0 * EPSILON * sizes[:, None]):
            return 0.0
        return float(np.linalg.norm(self.slope_at_zero, 2))


def _all_differ(x: FloatArray) -> bool:
    """Whether one random combination of the columns already distinguishes all rows; equal rows always agree in it."""
    shares = np.random.default_rng(0).normal(size=x.shape[1])
    # the sum within a row does not depend on where the row stands, unlike that of a matrix product
    keys = np.sort(np.sum(x * shares, axis=1))
    return bool(np.all(keys[1:] != keys[:-1]))


def explained_values(spectrum: Spectrum) -> FloatArray:
    """Singular values (k,) of the whitened projections, padded with zeros to the number of targets."""
    active = spectrum.active
    k = spectrum.projections.shape[1]
    if not active.any():
        return np.zeros(k)
    values = np.linalg.svd(spectrum.response[active], compute_uv=False)
    return np.concatenate([values, np.zeros(max(0, k - len(values)))])


def data_facts_of(problem: Problem) -> DataFacts:
    """The facts of a problem's data, computed once and shared by all rules."""
    return problem.once("data_facts.facts", lambda: DataFacts(problem.moments, problem.samples, problem.loss))
