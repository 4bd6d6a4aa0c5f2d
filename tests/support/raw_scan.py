"""Random problems over everything that makes data hard: units, rotations, offsets, near-duplicates, tiny decays."""

from collections.abc import Callable
from typing import Final

import numpy as np

from tests.support.exact_numbers import Floats, joint_is_semidefinite
from tests.support.raw_data import Data, Factored, Rows, Summary
from tests.support.raw_problems import RawProblem, chain

DECADES: Final = 12.0
"""The condition of the inputs goes up to ten to this."""
OFFSET_DECADES: Final = 9.0
HADAMARD: Final = np.array(
    [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]]
)
"""Twice an orthogonal matrix."""
FORMS: Final = ("samples", "moments", "factor")
LARGE_EVERY: Final = 101
"""One problem in so many has tens of thousands of samples."""


def scan_problem(seed: int) -> RawProblem:
    """One of the problems; kinds, depths and strengths take turns, the rest is drawn."""
    rng = np.random.default_rng(seed)
    kind = ALL_KINDS[seed % len(ALL_KINDS)]
    depth = seed // len(ALL_KINDS) % 3
    decay = 0.0 if rng.random() < 0.35 else float(10.0 ** rng.uniform(-12.0, -1.0))
    if kind == "aligned":
        rows = _aligned(rng)
        turned = _turned(rows) if rng.random() < 0.5 else rows
        # decays are felt against the correlations, which are large here
        felt = decay * 10.0 * float(np.abs(rows.x.T @ rows.y).max()) / len(rows.x)
        sizes = chain(min(depth, 1), int(rng.integers(4, 6)), felt)
        return RawProblem(f"{kind} {seed}", kind, turned, unturned=rows, **sizes)
    outputs = int(rng.integers(2, 4)) if rng.random() < 0.2 and not (decay and depth) else 1
    form = FORMS[int(rng.choice(len(FORMS), p=[0.55, 0.25, 0.2]))]
    if form == "moments" and outputs > 1:
        form = "factor"
    bias = bool(rng.random() < 0.5)
    noise = float(rng.uniform(0.01, 2.0)) if outputs == 1 and not bias and rng.random() < 0.3 else 0.0
    n = _samples(rng, large=seed % LARGE_EVERY == 100 and form != "moments")
    size = int(rng.integers(1, 8)) if n < 1000 else int(rng.integers(1, 4))
    width = int(rng.integers(1, 5))
    latent = rng.normal(size=(n, size))
    x = KINDS[kind](rng, latent, float(rng.uniform()))
    y = _targets(rng, latent, outputs)
    rows = Rows(x, y)
    data: Data = summary(x, y, means=bias) if form == "moments" else Factored.of(rows) if form == "factor" else rows
    return RawProblem(f"{kind} {seed}", kind, data, bias=bias, noise=noise, **chain(depth, width, decay))


def _aligned(rng: np.random.Generator) -> Rows:
    """Orthogonal inputs in units up to six decades apart, each with an output of its own, also of its own size.

    All numbers are short, so that four of them can be added without rounding.
    """
    signs = HADAMARD
    for _ in range(2):
        signs = np.block([[signs, signs], [signs, -signs]])
    units, sizes, noise = (rng.integers(512, 1024, 4) * 2.0 ** rng.integers(-low, low + 1, 4) for low in (10, 3, 3))
    own, others = signs[:, 1:5], signs[:, 5:9]
    return Rows(own * units, own * sizes + others * noise * 2.0 ** -int(rng.integers(0, 20)))


def _turned(rows: Rows) -> Rows:
    """Inputs and outputs in other orthogonal coordinates, exactly."""
    return Rows(rows.x @ HADAMARD / 2.0, rows.y @ HADAMARD[::-1] / 2.0)


def _samples(rng: np.random.Generator, *, large: bool) -> int:
    return int(10.0 ** (rng.uniform(4.0, 5.0) if large else rng.uniform(np.log10(5.0), 2.5)))


def _targets(rng: np.random.Generator, latent: Floats, outputs: int) -> Floats:
    """Every direction of the inputs, the weakest too, carries a part; noise from nothing to as much again."""
    clean = latent @ rng.normal(size=(latent.shape[1], outputs))
    level = 0.0 if rng.random() < 0.1 else 10.0 ** rng.uniform(-8.0, 0.0)
    shift = 10.0 ** rng.uniform(-2.0, 3.0) if rng.random() < 0.5 else 0.0
    y: Floats = (clean + level * rng.normal(size=clean.shape) + shift) * 10.0 ** rng.uniform(-3.0, 6.0)
    return y


def _graded(rng: np.random.Generator, latent: Floats, strength: float) -> Floats:
    """Columns in units that are up to twelve decades apart."""
    units = 10.0 ** rng.permutation(np.linspace(-strength * DECADES, 0.0, latent.shape[1]))
    x: Floats = latent * units * 10.0 ** rng.uniform(-3.0, 6.0)
    return x


def _rotated(rng: np.random.Generator, latent: Floats, strength: float) -> Floats:
    """The same spread along directions that no rescaling of columns mends."""
    size = latent.shape[1]
    basis, _ = np.linalg.qr(rng.normal(size=(size, size)))
    x: Floats = (latent * 10.0 ** np.linspace(-strength * DECADES, 0.0, size)) @ basis
    return x


def _offset(rng: np.random.Generator, latent: Floats, strength: float) -> Floats:
    """Columns far from zero: up to a thousand million times what they vary."""
    size = latent.shape[1]
    away = 10.0 ** (strength * OFFSET_DECADES * rng.uniform(0.5, 1.0, size)) * rng.choice([-1.0, 1.0], size)
    x: Floats = (latent + away) * 10.0 ** rng.uniform(-2.0, 2.0, size)
    return x


def _duplicates(rng: np.random.Generator, latent: Floats, strength: float) -> Floats:
    """Columns that repeat the first one but for a little of their own."""
    own = 10.0 ** (-strength * DECADES)
    x: Floats = latent.copy()
    for column in range(1, latent.shape[1]):
        if column % 2:
            x[:, column] = latent[:, 0] + own * latent[:, column]
    x *= 10.0 ** rng.uniform(-1.0, 3.0, latent.shape[1])
    return x


KINDS: Final[dict[str, Callable[[np.random.Generator, Floats, float], Floats]]] = {
    "graded": _graded,
    "rotated": _rotated,
    "offset": _offset,
    "duplicate": _duplicates,
}
ALL_KINDS: Final = (*KINDS, "aligned")
"""Aligned inputs are orthogonal: two decayed layers with several outputs are known in closed form there."""


def summary(x: Floats, y: Floats, *, means: bool) -> Summary:
    """Moments as a user computes them, the squares raised by rounding until data with these very numbers exist."""
    n = len(x)
    xx, xy, yy = x.T @ x / n, x.T @ y / n, float(np.sum(y * y)) / n
    x_mean, y_mean = (x.mean(axis=0), y.mean(axis=0)) if means else (None, None)
    slack = 2.0**-53
    while True:
        raised = 0.5 * (xx + xx.T)
        np.fill_diagonal(raised, xx.diagonal() * (1.0 + slack))
        found = Summary(raised, xy, yy * (1.0 + slack), x_mean, y_mean, n)
        exact = found.exact()
        if joint_is_semidefinite(exact.centred() if means else exact):
            return found
        slack *= 4.0
