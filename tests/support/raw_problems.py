"""A problem on data in raw units, with what is true of it: the request to send, and its least loss in exact numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import isfinite, sqrt
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs

from tests.support.exact_numbers import ExactMoments
from tests.support.exact_truth import least_squares
from tests.support.high_precision import (
    DIGITS,
    Exact,
    exact_minimum,
    least_loss_of_rank,
    least_loss_within,
    scaled_condition,
)
from tests.support.raw_data import Data, Rows, Summary


@dataclass(frozen=True)
class RawProblem:
    """A chain of linear layers on raw data.

    Attributes
    ----------
    name : str
    kind : str
        What makes the data hard, one word.
    data : Rows, Summary or Factored
    hidden : tuple of int
        Widths of the hidden layers.  With decay none of them is below the number of outputs.
    decays : tuple of float
        One a layer; all positive or all zero.
    bias : bool
        Whether the output has a free offset.
    convention : {"mean", "sum"}
        With `sum` and decay the truth would not be a float64 problem any more, so there is none.
    noise : float
        Variance of the noise on every hidden layer, for one output without bias.
    unturned : Rows or None
        The same data before inputs and outputs were turned by orthogonal matrices, which changes no loss.
    """

    name: str
    kind: str
    data: Data = field(repr=False)
    hidden: tuple[int, ...] = ()
    decays: tuple[float, ...] = (0.0,)
    bias: bool = False
    convention: str = "mean"
    noise: float = 0.0
    unturned: Rows | None = field(default=None, repr=False)

    def body(self, **options: Any) -> dict[str, Any]:
        """The request, with options beside the problem."""
        widths = (*self.hidden, self.exact.outputs)
        layers: list[dict[str, Any]] = [
            {"width": width, "weight_decay": decay} for width, decay in zip(widths, self.decays, strict=True)
        ]
        for layer in layers[:-1] if self.noise else ():
            layer["noise"] = {"kind": "gaussian", "variance": self.noise}
        network: dict[str, Any] = {"layers": layers}
        if self.bias:
            network["bias"] = "output"
        objective = {"convention": self.convention}
        return {"problem": {"network": network, "data": self.data.document(), "objective": objective}, **options}

    @property
    def decayed(self) -> bool:
        """Whether weights are charged."""
        return max(self.decays) > 0.0

    @property
    def unit(self) -> int:
        """By what the convention multiplies the mean over the samples."""
        if self.convention == "mean":
            return 1
        assert not self.decayed
        count = len(self.data.x) if isinstance(self.data, Rows) else self.data.n
        assert count is not None
        return count

    @cached_property
    def exact(self) -> ExactMoments:
        """The data as rational numbers."""
        return self.data.exact()

    @cached_property
    def free(self) -> ExactMoments:
        """What the map of the network sees: about the means, if an offset takes these up."""
        return self.exact.centred() if self.bias else self.exact

    @property
    def noisy(self) -> ExactMoments:
        """The moments whose inputs are raised by what noise adds to the square of the prediction."""
        factor = Fraction(1)
        for width in self.hidden if self.noise else ():
            factor *= 1 + Fraction(self.noise) / width
        return replace(self.free, xx=[[factor * entry for entry in row] for row in self.free.xx])

    @cached_property
    def truth(self) -> Fraction | None:
        """The infimum of the objective to some 80 digits; None where nobody knows it in closed form."""
        if not self.decayed:
            rank = min((*self.hidden, self.exact.outputs))
            if rank < self.exact.outputs:
                return self.unit * rational(least_loss_of_rank(self.free, rank))
            return self.unit * least_squares(self.noisy).loss
        if not self.hidden:
            return least_squares(self.free, penalty=self.decays[0]).loss
        if self.exact.outputs == 1:
            return rational(self._secular.loss)
        return _aligned_minimum(self.free if self.unturned is None else self.unturned.exact(), self.decays)

    def truth_within(self, norm: float) -> Fraction:
        """The infimum over maps of at most this Frobenius norm, without decay."""
        assert not self.decayed
        return self.unit * rational(least_loss_within(self.noisy, norm))

    @cached_property
    def _secular(self) -> Exact:
        return exact_minimum(self.noisy, self.decays)

    @cached_property
    def variance(self) -> Fraction:
        """What relative gaps are relative to: the mean square of the targets, about their mean if that is free."""
        return self.unit * self.free.yy

    @cached_property
    def condition(self) -> float:
        """Scaled condition of the inputs, as far as the numbers that are sent tell it.

        Central moments whose raw ones are larger by a factor are known to that many units of rounding only, and they
        are squares: the condition of what they tell is larger by its root.
        """
        return scaled_condition(self.free) * sqrt(self.cancelled)

    @cached_property
    def cancelled(self) -> float:
        """Largest ratio of a raw second moment to the central one; one where samples or a factor are sent."""
        if not isinstance(self.data, Summary) or not self.bias:
            return 1.0
        pairs = [(self.exact.xx[j][j], self.free.xx[j][j]) for j in range(self.exact.inputs)]
        return max((float(raw / central) for raw, central in pairs if central), default=1.0)

    @cached_property
    def offset(self) -> float:
        """Largest mean of an input relative to its deviation; zero without a bias."""
        if not self.bias:
            return 0.0
        pairs = [(self.exact.xx[j][j], self.free.xx[j][j]) for j in range(self.exact.inputs)]
        return max((sqrt(float((raw - central) / central)) for raw, central in pairs if central), default=0.0)

    @cached_property
    def penalty(self) -> float:
        """The convex penalty ``min_j p / t_j^2`` of the minimum, in coordinates where every input has unit norm."""
        largest = max(self.free.xx[j][j] for j in range(self.free.inputs))
        if not self.decayed or (self.exact.outputs > 1 and self.hidden):
            return 0.0
        rho = self._secular.multiplier if self.exact.outputs == 1 else self.decays[0]
        return float(Fraction(rho) / largest) if largest and isfinite(rho) else float("inf")


def _aligned_minimum(moments: ExactMoments, decays: Sequence[float]) -> Fraction | None:
    """Two equally decayed layers where every input has an output of its own; None for anything else.

    The least penalty of a map is ``2 g`` times its nuclear norm, which no signs of inputs and outputs change: the mean
    of a minimiser over them is diagonal, and no worse.
    """
    entries = [(i, j) for i in range(moments.inputs) for j in range(moments.inputs) if i != j]
    apart = all(not moments.xx[i][j] and (j >= moments.outputs or not moments.xy[i][j]) for i, j in entries)
    if len(decays) != 2 or decays[0] != decays[1] or not apart:
        return None
    rate = Fraction(decays[0])
    felt = (max(abs(moments.xy[j][j]) - rate, Fraction(0)) ** 2 / moments.xx[j][j] for j in range(moments.outputs))
    return moments.yy - sum(felt, Fraction(0))


def rational(value: mp.mpf) -> Fraction:
    """A number of many digits as a fraction, to all of them."""
    with mp.workdps(DIGITS):
        mantissa, exponent = mp.frexp(value)
        whole = int(mp.nint(mp.ldexp(mantissa, 400)))
    return Fraction(whole) * (Fraction(2) ** (int(exponent) - 400))


def chain(depth: int, width: int, decay: float | Sequence[float]) -> dict[str, Any]:
    """Hidden widths and decays of a chain with ``depth`` hidden layers, as arguments of `RawProblem`."""
    decays = [decay] * (depth + 1) if isinstance(decay, float) else decay
    return {"hidden": (width,) * depth, "decays": tuple(decays)}
