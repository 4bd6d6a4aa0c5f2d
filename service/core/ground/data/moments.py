"""Moments of data: from samples in chunks, and the conditions that only real data meet."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.data.conditioned import Moments, moments_of
from service.core.ground.numbers.arrays import BoolArray, FloatArray
from service.core.ground.numbers.spectrum import EPSILON
from service.errors import FieldError, InputError, counted

__all__ = ["LARGEST", "SMALLEST", "MomentAccumulator", "centred", "check", "moments_of"]

LARGEST, SMALLEST = 1e100, 1e-100
"""Mean squares of inputs and of targets lie between these, or are zero: their squares are then still numbers."""
MOST_SAMPLES = 10**7
"""Samples beyond which summing more does not make the moments less certain."""


@dataclass
class MomentAccumulator:
    """Moments of a stream of samples in one pass and constant memory.

    Sums are kept about the running mean and merged pairwise (Chan, Golub, LeVeque 1979), so that a large
    mean does not swallow a small variance.
    """

    n: int = 0
    x_mean: FloatArray | None = None
    y_mean: FloatArray | None = None
    _xx: FloatArray | None = None
    _xy: FloatArray | None = None
    _yy: float = 0.0

    @np.errstate(over="ignore", invalid="ignore")  # `check` refuses what overflows, with the field's name
    def add(self, x: FloatArray, y: FloatArray) -> None:
        """Add samples: ``x`` (m, d), ``y`` (m, k).  O(m d (d + k))."""
        count = x.shape[0]
        if count == 0:
            return
        x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
        x_centred, y_centred = x - x_mean, y - y_mean
        xx, xy = x_centred.T @ x_centred, x_centred.T @ y_centred
        yy = float(np.sum(y_centred * y_centred))
        if self.x_mean is None or self.y_mean is None or self._xx is None or self._xy is None:
            self.n, self.x_mean, self.y_mean, self._xx, self._xy, self._yy = count, x_mean, y_mean, xx, xy, yy
            return
        total = self.n + count
        x_step, y_step = x_mean - self.x_mean, y_mean - self.y_mean
        weight = self.n * count / total
        self._xx = self._xx + xx + weight * np.outer(x_step, x_step)
        self._xy = self._xy + xy + weight * np.outer(x_step, y_step)
        self._yy = self._yy + yy + weight * float(y_step @ y_step)
        self.x_mean = self.x_mean + x_step * (count / total)
        self.y_mean = self.y_mean + y_step * (count / total)
        self.n = total

    @np.errstate(over="ignore", invalid="ignore")
    def moments(self) -> Moments:
        """Uncentred moments with their means; raises `InputError` without a sample."""
        if self.x_mean is None or self.y_mean is None or self._xx is None or self._xy is None:
            raise InputError.at(("data", "x"), "holds no sample; at least one is needed")
        return Moments(
            xx=self._xx / self.n + np.outer(self.x_mean, self.x_mean),
            xy=self._xy / self.n + np.outer(self.x_mean, self.y_mean),
            yy=self._yy / self.n + float(self.y_mean @ self.y_mean),
            n=self.n,
            x_mean=self.x_mean,
            y_mean=self.y_mean,
        )


@dataclass(frozen=True)
class _View:
    """Moments in coordinates in which their rounding has one size.

    Attributes
    ----------
    scale : (d,) array
        Units of the inputs.
    values : (d,) array
        Eigenvalues in these units, ascending.
    vectors : (d, d) array
    tolerance : float
        Eigenvalues up to here may be rounding.
    """

    scale: FloatArray
    values: FloatArray
    vectors: FloatArray
    tolerance: float

    def fault(self, moments: Moments, at: str) -> FieldError | None:
        """What shows, beyond rounding, that no data have these moments; None if nothing does."""
        least = float(self.values[0])
        if least < -100.0 * self.tolerance:
            return FieldError((at, "xx"), self._not_semidefinite(moments.xx, least))
        along = self.vectors.T @ (moments.xy / self.scale[:, None])
        seen = self.values > self.tolerance
        # by Cauchy-Schwarz a real moment has (q.xy)^2 <= (q' xx q) yy for every direction q
        leak = float(np.sum(along[~seen] ** 2))
        if leak > 1e4 * self.tolerance * max(moments.yy, 0.0) + 1e-24 * float(np.sum(along**2)):
            return FieldError((at, "xy"), "leaves the range of xx; no data have these moments")
        values = self.values[seen]
        explained = (along[seen] ** 2).sum(axis=1) / values
        excess = float(explained.sum()) - moments.yy * (1.0 + 1e-9)
        # a small eigenvalue carries the rounding of the large ones, and so does what it explains
        if excess > 0.0 and excess > float(np.sum(explained * np.minimum(1.0, 100.0 * self.tolerance / values))):
            return FieldError((at, "yy"), "is smaller than xx and xy allow; at least tr(xy^T xx^+ xy) is needed")
        return self._mean_fault(moments, at, seen)

    def _mean_fault(self, moments: Moments, at: str, seen: BoolArray) -> FieldError | None:
        """A mean m with second moment S needs S - m m^T to be positive semidefinite."""
        if moments.x_mean is not None:
            along = self.vectors.T @ (moments.x_mean / self.scale)
            share = float(np.sum(along[seen] ** 2 / self.values[seen]))
            if share > 1.0 + 1e-6 or float(np.sum(along[~seen] ** 2)) > 1e4 * self.tolerance:
                detail = "is longer than xx allows: xx - x_mean x_mean^T must be semidefinite"
                return FieldError((at, "x_mean"), detail)
        if moments.y_mean is not None and float(moments.y_mean @ moments.y_mean) > moments.yy * (1.0 + 1e-9):
            return FieldError((at, "y_mean"), "is longer than yy allows: yy >= ||y_mean||^2")
        return None

    def _not_semidefinite(self, xx: FloatArray, least: float) -> str:
        """The least eigenvalue, and the entry that makes it negative."""
        scaled = xx / self.scale / self.scale[:, None]
        vector = self.vectors[:, 0]
        row, column = np.unravel_index(int(np.argmin(scaled * np.outer(vector, vector))), scaled.shape)
        return (
            "is not positive semidefinite; a matrix of second moments is. In units in which the diagonal is near one, "
            f"its least eigenvalue is {least:.2g}, and the entry in row {row}, column {column} does most to make it so"
        )


def check(moments: Moments, at: str = "data") -> Moments:
    """Refuse moments that no data have; what rounding alone could have done is accepted.

    Parameters
    ----------
    moments : Moments
    at : str
        Field of the problem that holds them, for the error's location.

    Returns
    -------
    Moments
        The same, made exactly symmetric.

    Raises
    ------
    InputError
        If shapes disagree, numbers are too large or too small to be squared, ``xx`` is not symmetric or not
        positive semidefinite, a column of ``xy`` leaves the range of ``xx``, ``yy`` is below
        ``tr(xy^T xx^+ xy)``, or a mean is impossible.

    Notes
    -----
    Rounding is judged as the moments stand, and in units of the inputs: they pass if either explains what is amiss.
    """
    _check_shapes(moments, at)
    scale = _check_scales(moments, at)
    skew = moments.xx - moments.xx.T
    if skew.any():
        if float(np.abs(skew).max()) > 1e-12 * scale:
            raise InputError.at((at, "xx"), "is not symmetric; a matrix of second moments is")
        moments = replace(moments, xx=0.5 * (moments.xx + moments.xx.T))
    if moments.yy < 0.0:
        raise InputError.at((at, "yy"), "is negative; it is the mean of squares")
    spectrum = moments.spectrum
    certain = spectrum.plain and spectrum.rank == moments.inputs and moments.x_mean is None and moments.y_mean is None
    if certain and spectrum.explained <= moments.yy:
        # nothing that rounding would have to excuse: all eigenvalues are positive, no target leaves the range
        return moments
    rounding = max(moments.inputs, min(moments.n or 0, MOST_SAMPLES)) * EPSILON
    if spectrum.rank_tolerance > 0.0:
        largest = float(spectrum.values[-1])
        faults = [
            _View(np.ones(moments.inputs), spectrum.values, spectrum.vectors, rounding * largest).fault(moments, at)
        ]
    else:
        faults = [view.fault(moments, at) for view in _views(moments, rounding)]
    if None not in faults:
        raise InputError([fault for fault in faults if fault is not None][-1:])
    return moments


def _views(moments: Moments, rounding: float) -> Iterator[_View]:
    own, scaled = moments.as_they_are, moments.scaled
    largest = max(abs(float(own.values[0])), abs(float(own.values[-1])))
    yield _View(np.ones(moments.inputs), own.values, own.vectors, rounding * largest)
    yield _View(scaled.scale, scaled.values, scaled.vectors, rounding * max(float(scaled.values[-1]), 1.0))


def _check_shapes(moments: Moments, at: str) -> None:
    problems: list[FieldError] = []
    d = moments.xx.shape[0]
    if moments.xx.ndim != 2 or d == 0 or moments.xx.shape[1] != d:
        raise InputError.at((at, "xx"), "is not a square matrix with at least one row")
    if moments.xy.ndim != 2 or moments.xy.shape[0] != d or moments.xy.shape[1] == 0:
        problems.append(FieldError((at, "xy"), f"must have one row for each input ({d}) and at least one column"))
    elif moments.y_mean is not None and moments.y_mean.shape != (moments.outputs,):
        problems.append(
            FieldError((at, "y_mean"), f"must have {counted(moments.outputs, 'entry', 'entries')}, one for each output")
        )
    if moments.x_mean is not None and moments.x_mean.shape != (d,):
        problems.append(FieldError((at, "x_mean"), f"must have {counted(d, 'entry', 'entries')}, one for each input"))
    if problems:
        raise InputError(problems)


def _check_scales(moments: Moments, at: str) -> float:
    """Largest entry of ``xx``, once everything is known to be within reach of double precision."""
    largest = {"xx": float(np.abs(moments.xx).max()), "xy": float(np.abs(moments.xy).max()), "yy": abs(moments.yy)}
    problems = [
        FieldError((at, name), f"is larger than {LARGEST:g}: rescale the data")
        for name, size in largest.items()
        if not size <= LARGEST
    ]
    problems += [
        FieldError((at, name), f"is not zero but smaller than {SMALLEST:g}: rescale the data")
        for name in ("xx", "yy")
        if 0.0 < largest[name] < SMALLEST
    ]
    if problems:
        raise InputError(problems)
    return largest["xx"]


def centred(moments: Moments) -> Moments:
    """Moments of the data with both means taken off; the means must be known."""
    return moments.central
