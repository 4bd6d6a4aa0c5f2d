"""Moments of data: from samples in chunks, and the conditions that only real data meet."""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.problems import Moments
from service.errors import FieldProblem, InputError

CHUNK = 65_536

LARGEST, SMALLEST = 1e100, 1e-100
"""Mean squares of inputs and of targets lie between these, or are zero: their squares are then still numbers."""


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


def moments_of(x: FloatArray, y: FloatArray) -> Moments:
    """Moments of samples ``x`` (n, d) and ``y`` (n, k), reduced in chunks of 65,536 rows."""
    accumulator = MomentAccumulator()
    for start in range(0, x.shape[0], CHUNK):
        accumulator.add(x[start : start + CHUNK], y[start : start + CHUNK])
    return accumulator.moments()


def check(moments: Moments, at: str = "data") -> None:
    """Refuse moments that no data have.

    Parameters
    ----------
    moments : Moments
    at : str
        Field of the problem that holds them, for the error's location.

    Raises
    ------
    InputError
        If shapes disagree, numbers are too large or too small to be squared, ``xx`` is not symmetric or not
        positive semidefinite, a column of ``xy`` leaves the range of ``xx``, ``yy`` is below
        ``tr(xy^T xx^+ xy)``, or a mean is impossible.
    """
    _check_shapes(moments, at)
    scale = _check_scales(moments, at)
    skew = moments.xx - moments.xx.T
    if skew.any() and float(np.abs(skew).max()) > 1e-12 * scale:
        raise InputError.at((at, "xx"), "is not symmetric; a matrix of second moments is")
    spectrum = moments.spectrum
    rounding = spectrum.rank_tolerance
    if spectrum.values[0].item() < -100.0 * rounding:
        raise InputError.at((at, "xx"), "is not positive semidefinite; a matrix of second moments is")
    if moments.yy < 0.0:
        raise InputError.at((at, "yy"), "is negative; it is the mean of squares")
    # by Cauchy-Schwarz a real moment has (q.xy)^2 <= (q' xx q) yy for every direction q
    leak = float(np.sum(spectrum.projections[~spectrum.active] ** 2)) if spectrum.rank < moments.inputs else 0.0
    if leak > 1e4 * rounding * max(moments.yy, 0.0) + 1e-24 * float(np.sum(moments.xy**2)):
        raise InputError.at((at, "xy"), "leaves the range of xx; no data have these moments")
    values = spectrum.values[spectrum.active]
    explained = (spectrum.projections[spectrum.active] ** 2).sum(axis=1) / values
    excess = float(explained.sum()) - moments.yy * (1.0 + 1e-9)
    # a small eigenvalue carries the rounding of the large ones, and so does what it explains
    if excess > 0.0 and excess > float(np.sum(explained * np.minimum(1.0, 100.0 * rounding / values))):
        raise InputError.at((at, "yy"), "is smaller than xx and xy allow; at least tr(xy^T xx^+ xy) is needed")
    _check_means(moments, at)


def _check_shapes(moments: Moments, at: str) -> None:
    problems: list[FieldProblem] = []
    d = moments.xx.shape[0]
    if moments.xx.ndim != 2 or d == 0 or moments.xx.shape[1] != d:
        raise InputError.at((at, "xx"), "is not a square matrix with at least one row")
    if moments.xy.ndim != 2 or moments.xy.shape[0] != d or moments.xy.shape[1] == 0:
        problems.append(
            FieldProblem((at, "xy"), f"must have one row for each of the {d} inputs and at least one column")
        )
    elif moments.y_mean is not None and moments.y_mean.shape != (moments.outputs,):
        problems.append(FieldProblem((at, "y_mean"), f"must have {moments.outputs} entries, one for each output"))
    if moments.x_mean is not None and moments.x_mean.shape != (d,):
        problems.append(FieldProblem((at, "x_mean"), f"must have {d} entries, one for each input"))
    if problems:
        raise InputError(problems)


def _check_scales(moments: Moments, at: str) -> float:
    """Largest entry of ``xx``, once everything is known to be within reach of double precision."""
    largest = {"xx": float(np.abs(moments.xx).max()), "xy": float(np.abs(moments.xy).max()), "yy": abs(moments.yy)}
    problems = [
        FieldProblem((at, name), f"is larger than {LARGEST:g}: rescale the data")
        for name, size in largest.items()
        if not size <= LARGEST
    ]
    problems += [
        FieldProblem((at, name), f"is not zero but smaller than {SMALLEST:g}: rescale the data")
        for name in ("xx", "yy")
        if 0.0 < largest[name] < SMALLEST
    ]
    if problems:
        raise InputError(problems)
    return largest["xx"]


def _check_means(moments: Moments, at: str) -> None:
    """A mean m with second moment S needs S - m m^T to be positive semidefinite."""
    if moments.x_mean is not None:
        spectrum = moments.spectrum
        along = spectrum.vectors.T @ moments.x_mean
        share = np.where(spectrum.active, along**2 / np.where(spectrum.active, spectrum.values, 1.0), 0.0)
        outside = float(np.sum(along[~spectrum.active] ** 2))
        if float(np.sum(share)) > 1.0 + 1e-6 or outside > 1e4 * spectrum.rank_tolerance:
            raise InputError.at((at, "x_mean"), "is longer than xx allows: xx - x_mean x_mean^T must be semidefinite")
    if moments.y_mean is not None and float(moments.y_mean @ moments.y_mean) > moments.yy * (1.0 + 1e-9):
        raise InputError.at((at, "y_mean"), "is longer than yy allows: yy >= ||y_mean||^2")


def centred(moments: Moments) -> Moments:
    """Moments of the data with both means taken off; the means must be known."""
    if moments.x_mean is None or moments.y_mean is None:
        missing = "x_mean" if moments.x_mean is None else "y_mean"
        raise InputError.at(("data", missing), "is missing: a bias or centring needs the means")
    return Moments(
        xx=moments.xx - np.outer(moments.x_mean, moments.x_mean),
        xy=moments.xy - np.outer(moments.x_mean, moments.y_mean),
        yy=moments.yy - float(moments.y_mean @ moments.y_mean),
        n=moments.n,
        x_mean=np.zeros_like(moments.x_mean),
        y_mean=np.zeros_like(moments.y_mean),
    )
