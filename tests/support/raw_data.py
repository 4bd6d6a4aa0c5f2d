"""The three forms in which data are sent: samples, moments, and the factor that uploads keep."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from tests.support.exact_numbers import ExactMoments, Floats, exact, of_floats, of_samples


@dataclass(frozen=True)
class Rows:
    """Samples: ``x`` (n, d) and ``y`` (n, k)."""

    x: Floats
    y: Floats

    def exact(self) -> ExactMoments:
        """Their moments, without rounding."""
        return of_samples(self.x, self.y)

    def document(self) -> dict[str, Any]:
        """The data as they are sent."""
        return {"kind": "samples", "x": self.x.tolist(), "y": self.y.tolist()}

    def scaled(self, factors: Floats) -> "Rows":
        """Every input in another unit."""
        return Rows(self.x * factors, self.y)


@dataclass(frozen=True)
class Summary:
    """Moments of samples that nobody sees; the means only where they are sent."""

    xx: Floats
    xy: Floats
    yy: float
    x_mean: Floats | None = None
    y_mean: Floats | None = None
    n: int | None = None

    def exact(self) -> ExactMoments:
        """The numbers as they are."""
        return of_floats(self.xx, self.xy, self.yy, self.x_mean, self.y_mean)

    def document(self) -> dict[str, Any]:
        """The data as they are sent."""
        means = {"x_mean": self.x_mean, "y_mean": self.y_mean}
        told: dict[str, Any] = {name: mean.tolist() for name, mean in means.items() if mean is not None}
        if self.n is not None:
            told["n"] = self.n
        return {"kind": "moments", "xx": self.xx.tolist(), "xy": self.xy.tolist(), "yy": self.yy, **told}

    def scaled(self, factors: Floats) -> "Summary":
        """Every input in another unit; powers of two, so that nothing is rounded."""
        mean = None if self.x_mean is None else self.x_mean * factors
        return replace(self, xx=self.xx * np.outer(factors, factors), xy=self.xy * factors[:, None], x_mean=mean)


@dataclass(frozen=True)
class Factored:
    """The triangular factor of samples, as uploads keep it: ``table - mean = Q r diag(scale)``."""

    n: int
    mean: Floats
    scale: Floats
    r: Floats
    inputs: int

    @classmethod
    def of(cls, rows: Rows) -> "Factored":
        """The factor as a client computes it."""
        table = np.hstack([rows.x, rows.y])
        mean = table.mean(axis=0)
        mean += (table - mean).mean(axis=0)
        deviation = table.std(axis=0)
        scale = 2.0 ** np.floor(np.log2(np.where(deviation > 0.0, deviation, 1.0)))
        r = np.triu(np.linalg.qr((table - mean) / scale, mode="r"))
        square = np.zeros((table.shape[1], table.shape[1]))
        square[: len(r)] = r
        return cls(len(table), mean, scale, square, int(rows.x.shape[1]))

    @classmethod
    def of_document(cls, told: Mapping[str, Any]) -> "Factored":
        """The factor that stands in the problem of an answer."""
        mean, scale = np.array([*told["x_mean"], *told["y_mean"]]), np.array(told["scale"])
        return cls(told["n"], mean, scale, np.array(told["r"]), len(told["x_mean"]))

    def exact(self) -> ExactMoments:
        """The moments of every table with this factor."""
        columns, d = list(zip(*exact(self.r), strict=True)), self.inputs
        mean, scale = ([Fraction(float(value)) for value in each] for each in (self.mean, self.scale))
        whole = [
            [
                sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0)) * scale[i] * scale[j] / self.n
                + mean[i] * mean[j]
                for j, right in enumerate(columns)
            ]
            for i, left in enumerate(columns)
        ]
        yy = sum((whole[j][j] for j in range(d, len(whole))), Fraction(0))
        xx, xy = [row[:d] for row in whole[:d]], [row[d:] for row in whole[:d]]
        return ExactMoments(xx, xy, yy, mean[:d], mean[d:])

    def document(self) -> dict[str, Any]:
        """The data as they are sent."""
        x_mean, y_mean = self.mean[: self.inputs].tolist(), self.mean[self.inputs :].tolist()
        told: dict[str, Any] = {"kind": "factor", "n": self.n, "x_mean": x_mean, "y_mean": y_mean}
        return told | {"scale": self.scale.tolist(), "r": self.r.tolist()}

    def scaled(self, factors: Floats) -> "Factored":
        """Every input in another unit; powers of two, so that nothing is rounded."""
        every = np.concatenate([factors, np.ones(len(self.mean) - self.inputs)])
        return replace(self, mean=self.mean * every, scale=self.scale * every)


Data: TypeAlias = Rows | Summary | Factored
"""What all three have in common is `exact`, `document`, and `scaled`."""
