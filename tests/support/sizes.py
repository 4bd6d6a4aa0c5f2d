"""Problems with inputs and targets of any size, and the laws that every answer about one must keep."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np

from service.errors import InputError, ServiceError
from service.operations.minima import minima, parse
from service.schemas.minima import MinimaAnswer
from service.settings import Limits
from tests.support.exact_numbers import Floats, of_samples
from tests.support.exact_truth import least_squares

ROWS: Final = 6
CLOSED: Final = 1e-9
MAGNITUDE: Final = re.compile(r"(at most|up to about|and|to|from) \d[\d.]*(e[+-]?\d+)?")
"""How a message names the greatest or the least magnitude."""
NORMAL: Final = 1e-140
"""Targets from which on losses have all their digits."""
Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class Sized:
    """A problem on a few samples; ``noise`` is a variance on the first hidden layer."""

    x: Floats
    y: Floats
    layers: int
    decay: float
    bias: bool
    noise: float

    def body(self) -> dict[str, Any]:
        """The request."""
        widths = [2] * (self.layers - 1) + [self.y.shape[1]]
        layers: list[dict[str, Any]] = [{"width": width, "weight_decay": self.decay} for width in widths]
        if self.noise:
            layers[0]["noise"] = {"kind": "gaussian", "variance": self.noise}
        data = {"kind": "samples", "x": self.x.tolist(), "y": self.y.tolist()}
        network = {"layers": layers, "bias": "output" if self.bias else "none"}
        return {"problem": {"network": network, "data": data}, "return": {"weights": "full"}}

    def with_targets(self, power: int) -> "Sized | None":
        """The same problem with targets times ``2^power``, decays along; None where these leave double precision."""
        with np.errstate(over="ignore"):
            decay = float(np.ldexp(self.decay, 2 * power - 2 * power // self.layers))
        y = np.ldexp(self.y, power)
        if not np.isfinite(y).all() or (self.decay and not 1e-290 < decay < 1e290):
            return None
        return replace(self, y=y, decay=decay)


def sized(seed: int) -> Sized:
    """A random problem: columns between 1e-300 and 1e300, targets up to a little more than what has a loss."""
    rng = np.random.default_rng(seed)
    inputs, outputs, layers = (int(each) for each in rng.integers((1, 1, 1), (4, 3, 4)))
    x = rng.normal(size=(ROWS, inputs)) + rng.normal(size=inputs)
    y = x @ rng.normal(size=(inputs, outputs)) + 0.3 * rng.normal(size=(ROWS, outputs))
    sizes = np.where(rng.random(inputs) < 0.4, 1.0, 10.0 ** rng.uniform(-300.0, 300.0, inputs))
    target = 10.0 ** (rng.uniform(-300.0, 158.0) if rng.random() < 0.8 else 0.0)
    decay = 0.0 if rng.random() < 0.4 else float(10.0 ** rng.uniform(-12.0, -1.0))
    noise = float(rng.uniform(0.0, 0.5)) if layers > 1 and rng.random() < 0.3 else 0.0
    # beside noise and several outputs a bias is covered by no solver
    bias = bool(rng.random() < 0.5) and not (noise and outputs > 1)
    return Sized(x * sizes, y * target, layers, decay, bias, noise)


def asked(problem: Sized) -> MinimaAnswer:
    """The answer of the public operation."""
    return minima(parse(problem.body()).request, Limits())


def broken(problem: Sized) -> tuple[str, list[str]]:
    """Status, or `refused`, and the laws that are broken."""
    try:
        found = asked(problem)
    except InputError as error:
        unnamed = [each.detail for each in error.fields if not MAGNITUDE.search(each.detail)]
        return "refused", [f"refused without a magnitude: {detail}" for detail in unnamed]
    except ServiceError as error:
        return "error", [f"{type(error).__name__}: {error}"]
    return str(found.status), [*_bounds(problem, found), *_equivalence(problem, found)]


def _bounds(problem: Sized, found: MinimaAnswer) -> Iterator[str]:
    lower, upper = Fraction(found.certificate.lower_bound), Fraction(found.certificate.upper_bound)
    if not 0 <= lower <= upper:
        yield f"lower {float(lower)!r}, upper {float(upper)!r}"
    if found.status != "bounded" and not 0.0 <= found.certificate.relative_gap <= CLOSED:
        yield f"{found.status} with a gap {found.certificate.relative_gap!r}"
    if found.global_minimum.loss < 0.0:
        yield f"loss {found.global_minimum.loss!r}"
    if found.global_minimum.weights is not None:
        own = _loss(problem, found, 0.0)
        if not lower <= own <= upper:
            yield f"the weights are outside the bounds: {float(own)!r} of {float(lower)!r}, {float(upper)!r}"
        if found.certificate.norm_limit is None and any(_loss(problem, found, shake) < lower for shake in (1e-8, 1e-2)):
            yield "weights near those returned are better than the lower bound"
    if problem.layers == 1 and found.certificate.norm_limit is None:
        truth = least_squares(of_samples(problem.x, problem.y), intercept=problem.bias, penalty=problem.decay).loss
        if not lower <= truth <= upper:
            yield f"truth outside the bounds: {float(lower)!r}, {float(upper)!r}"


def _equivalence(problem: Sized, found: MinimaAnswer) -> Iterator[str]:
    """Targets times a power of two, decays along, are the same problem."""
    size = float(np.abs(problem.y).max())
    for power in (problem.layers * 40, -problem.layers * 70):
        other = problem.with_targets(power)
        if other is None or not all(NORMAL < each < 1e150 for each in (size, float(np.abs(other.y).max()))):
            continue
        try:
            told = asked(other)
        except ServiceError as error:
            yield f"times 2^{power}: {error}"
            continue
        one, two = found.global_minimum.loss, float(np.ldexp(told.global_minimum.loss, -2 * power))
        lower, upper = float(np.ldexp(told.certificate.lower_bound, -2 * power)), found.certificate.upper_bound
        if lower > upper * (1.0 + 1e-12):
            yield f"times 2^{power}: lower bound {lower!r} above {upper!r}"
        searched = problem.noise > 0.0 and problem.y.shape[1] > 1
        if not searched and (found.status == "bounded") != (told.status == "bounded"):
            yield f"times 2^{power}: {told.status} for {found.status}"
        elif "bounded" not in (found.status, told.status) and abs(one - two) > 3e-9 * max(
            abs(one), 1e-6 * float(np.mean(problem.y**2))
        ):
            yield f"times 2^{power}: loss {two!r} for {one!r}"


def _loss(problem: Sized, found: MinimaAnswer, shake: float) -> Fraction:
    """The loss of the returned weights, each changed by a share, without rounding and at the numbers that were sent."""
    rng = np.random.default_rng(0)
    weights = [np.array(each, dtype=np.float64) for each in found.global_minimum.weights or []]
    layers = [_matrix(each * (1.0 + shake * rng.normal(size=each.shape))) for each in weights]
    scale = [Fraction(column.scale) for column in found.data.input_columns or []]
    if scale:
        layers[0] = [[entry / unit for entry, unit in zip(row, scale, strict=True)] for row in layers[0]]
    biases = found.global_minimum.biases or [None] * len(layers)
    offset = (
        [Fraction(each) for each in np.array(biases[-1]).tolist()] if biases[-1] else [Fraction(0)] * len(layers[-1])
    )
    loss = sum((Fraction(problem.decay) * entry**2 for layer in layers for row in layer for entry in row), Fraction(0))
    for inputs, targets in zip(_matrix(problem.x), _matrix(problem.y), strict=True):
        hidden = inputs
        for index, layer in enumerate(layers):
            hidden = [sum((w * h for w, h in zip(row, hidden, strict=True)), Fraction(0)) for row in layer]
            if index == 0 and problem.noise:
                loss += Fraction(problem.noise) * _noise(layers[1:], hidden) / ROWS
        loss += sum(((h + b - t) ** 2 for h, b, t in zip(hidden, offset, targets, strict=True)), Fraction(0)) / ROWS
    return loss


def _noise(after: list[Matrix], hidden: list[Fraction]) -> Fraction:
    """Variance of the outputs for noise of variance one on each entry of a layer."""
    total = Fraction(0)
    for index, entry in enumerate(hidden):
        moved = [Fraction(0)] * len(hidden)
        moved[index] = entry
        for layer in after:
            moved = [sum((w * h for w, h in zip(row, moved, strict=True)), Fraction(0)) for row in layer]
        total += sum((each**2 for each in moved), Fraction(0))
    return total


def _matrix(array: Floats) -> Matrix:
    return [[Fraction(entry) for entry in row] for row in array.tolist()]
