"""Roots of one decayed singular value against forty digits, where rounding turns ends and where ``kap`` underflows."""

from math import log

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.several_outputs.singular_values.shrinkage import FAR, Root, Shrinkage

LAYERS = st.integers(2, 12)
LOG_DECAYS = st.floats(log(1e-12), log(1e6))
TARGETS = st.floats(-4.0, 4.0).map(lambda power: 10.0**power)


def off_by(shrinkage: Shrinkage, target: float, root: Root) -> tuple[float, float]:
    """How far product and lane are from the exact root next to the product, relative to it; forty digits."""
    with mp.workdps(40):
        layers = shrinkage.n_layers
        unit = mp.exp(mp.mpf(shrinkage.log_decay) / (2 * (layers - 1)))
        ratio = mp.mpf(target) / unit
        lane = mp.mpf(root.lane) / unit
        slope = layers * lane ** (layers - 1) + (2 - layers) * lane ** (1 - layers)
        residual = lane**layers + lane ** (2 - layers) - ratio
        step = residual / slope / lane
        product = unit * (lane * (1 - step)) ** layers
        return float(abs(step)), float(abs(product - mp.mpf(root.product)) / product)


@given(layers=LAYERS, log_decay=LOG_DECAYS, target=TARGETS)
def test_roots_are_roots(layers: int, log_decay: float, target: float) -> None:
    shrinkage = Shrinkage(layers, layers * log_decay)
    roots = shrinkage.roots(target)
    if target > shrinkage.existence_threshold * (1.0 + 1e-9):
        assert [root.stable for root in roots] == ([True] if layers == 2 else [False, True])
    elif target < shrinkage.existence_threshold * (1.0 - 1e-9):
        assert roots == ()
    if abs(target - shrinkage.existence_threshold) <= 1e-6 * target:
        return
    for root in roots:
        # the common scale is an exponential, right to the rounding of its logarithm; rounding grows near the inflection
        conditioning = (
            1e-14 * (1.0 + abs(shrinkage.log_decay)) * max(1.0, target / (target - shrinkage.existence_threshold))
        )
        assert max(off_by(shrinkage, target, root)) <= conditioning


@given(layers=st.integers(3, 12), log_ratio=st.floats(0.0, 2.0 * FAR))
def test_either_side_of_the_far_end_has_the_same_roots(layers: int, log_ratio: float) -> None:
    """The far end needs no search; what it leaves out is below rounding."""
    near, far = (Shrinkage(layers, -2.0 * (layers - 1) * (FAR + shift)) for shift in (-1e-9, 1e-9))
    for one, other in zip(near.roots(1.0), far.roots(1.0), strict=True):
        assert one.product == pytest.approx(other.product, rel=1e-7)
        assert one.lane == pytest.approx(other.lane, rel=1e-7)
        assert one.value == pytest.approx(other.value, rel=1e-7)
        assert one.stable == other.stable
    shrinkage = Shrinkage(layers, -2.0 * (layers - 1) * log_ratio)
    for root in shrinkage.roots(1.0):
        assert root.value == pytest.approx(shrinkage.value(root.product, 1.0), rel=1e-9, abs=1e-13)


@given(layers=LAYERS, units=st.integers(-64, 64), which=st.sampled_from(["existence_threshold", "global_threshold"]))
def test_targets_within_rounding_of_a_threshold(layers: int, units: int, which: str) -> None:
    shrinkage = Shrinkage(layers, layers * log(0.3))
    threshold = getattr(shrinkage, which)
    target = threshold * (1.0 + units * 2.0**-52)
    roots = shrinkage.roots(target)
    jump = shrinkage.jump if which == "global_threshold" else None
    if layers == 2:
        assert len(roots) == (target > threshold)
    elif which == "existence_threshold":
        assert [root.stable for root in roots] == [False]
    else:
        assert roots[-1].product == pytest.approx(jump, rel=1e-12)
        assert roots[-1].value == pytest.approx(target**2, rel=1e-12)


@pytest.mark.parametrize("layers", [2, 3, 4, 10, 60])
@pytest.mark.parametrize("decay", [2.3e-308, 1e-200, 1e-100, 1e-6, 1e100, 1e200, 1.7e308])
@pytest.mark.parametrize("target", [0.0, 1e-150, 1.0, 1e150])
def test_nothing_leaves_double_precision(layers: int, decay: float, target: float) -> None:
    shrinkage = Shrinkage.of(np.full(layers, decay))
    roots = shrinkage.roots(target)
    assert all(np.isfinite([root.product, root.lane, root.value]).all() for root in roots)
    stable = shrinkage.stable_root(target)
    if decay > 1.0 and target <= 1.0:
        assert stable is None
    if decay < 1e-5 and target >= 1.0:
        assert stable is not None
        assert stable.product == pytest.approx(target, rel=1e-2)
        # every layer has the singular value sigma / sqrt(g)
        assert layers * (log(stable.lane) - 0.5 * log(decay)) == pytest.approx(log(stable.product), abs=1e-9)
