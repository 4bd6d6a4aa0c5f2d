"""Directions that moments hardly hold: measured to their own size, and below the error of every map however long."""

from fractions import Fraction

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.as_sent import prediction_source
from service.core.ground.enclosures.measured import measure
from service.core.ground.enclosures.weak import MOST_RAISED, SAME, found_again
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.vocabulary import Status
from tests.support.outputs_instances import Shape, white_moments
from tests.unit.core.ground.enclosures.test_measured import exact_quadratic
from tests.unit.core.ground.enclosures.test_sources import rational, times

FAINT = 2.0**-50
"""Second moment of the direction ``(1, -1)`` in `with_faint_signal`."""


def with_faint_signal(outputs: int) -> tuple[Moments, float]:
    """Two nearly equal inputs whose difference is all of the first target, and the length of the map that fits it.

    All numbers are doubles as they stand, and the moments those of some data: the error of that map is none.
    """
    xx = np.array([[1.0, 1.0], [1.0, 1.0 + FAINT]])
    whole = np.array([[-(2.0**25), 2.0**25], [1.0, 0.0]])[:outputs]
    xy = xx @ whole.T
    yy = float(np.trace(whole @ xy))
    assert [row[:] for row in times(rational(xx), rational(whole.T))] == rational(xy)
    return Moments(xx, xy, yy), float(np.linalg.norm(whole[0]))


def joint_error(moments: Moments, whole: list[list[Fraction]]) -> Fraction:
    fitted = times(whole, rational(moments.xx))
    both = Fraction(moments.yy)
    for k, row in enumerate(whole):
        for j, entry in enumerate(row):
            both += entry * (fitted[k][j] - 2 * Fraction(float(moments.xy[j, k])))
    return both


def test_the_quadratic_lies_below_however_long_the_map() -> None:
    raised = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        shape = Shape(int(rng.integers(3, 6)), (3,), int(rng.integers(1, 4)))
        moments = white_moments(rng, shape, int(rng.integers(1, 3)))
        problem = Problem(Network((Layer(3, weight_decay=1e-9), Layer(shape.outputs, weight_decay=1e-9))), moments)
        source, spectrum = prediction_source(problem, centre=False), moments.spectrum
        centre = (np.linalg.pinv(moments.xx, rcond=1e-9) @ moments.xy).T
        found = found_again(source, spectrum.vectors, spectrum.values, shape.outputs)
        assert 0.0 <= found.raised <= MOST_RAISED * shape.inputs * EPSILON
        raised += found.raised > 0.0
        expansion = measure(source, spectrum.vectors, spectrum.values, centre, 1.0, precise=True, decayed=True).charged(
            0.0, np.inf
        )
        assert expansion.known.all()
        for length in (0.0, 1.0, 1e6, 1e12):
            weak = length * rng.normal(size=centre.shape) * (found.squares < 1e-12)
            coordinates = expansion.centre + weak + 0.1 * rng.normal(size=centre.shape)
            whole = times(rational(coordinates), rational(expansion.basis.T))
            sizes = [Fraction(float(size)) ** 2 for size in source.sizes]
            lifted = Fraction(0)
            for k, row in enumerate(whole):
                for j, entry in enumerate(row):
                    lifted += sizes[j] * (entry**2 - Fraction(float(centre[k, j])) ** 2)
            # where they are raised, moments stand for the nearest that some data have
            truth = joint_error(moments, whole) + Fraction(found.raised) * lifted
            assert exact_quadratic(expansion, coordinates) <= truth
    assert 0 < raised < 25


def test_moments_of_data_are_not_raised() -> None:
    moments, _ = with_faint_signal(2)
    source = prediction_source(Problem(Network((Layer(2),)), moments), centre=False)
    values, vectors = np.linalg.eigh(moments.xx)
    found = found_again(source, vectors, np.array([0.0, values[1]]), 2)
    assert found.raised == 0.0
    assert found.squares[0] == pytest.approx(FAINT / 2.0, rel=1e-9)


@pytest.mark.parametrize("below", [2.0**-53, 2.0**-52])
def test_moments_of_no_data_are_raised_by_their_rounding(below: float) -> None:
    xx = np.array([[1.0, 1.0], [1.0, 1.0 - below]])
    moments = Moments(xx, np.array([[0.5], [0.5]]), 1.0)
    source = prediction_source(Problem(Network((Layer(1),)), moments), centre=False)
    values, vectors = np.linalg.eigh(xx)
    found = found_again(source, vectors, np.array([0.0, values[1]]), 1)
    assert below / 2.0 <= found.raised <= 2.1 * below + SAME
    assert found.squares[0] > 0.0


@pytest.mark.parametrize("n_layers", [2, 3, 8])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("decay", [1e-12, 1e-6])
def test_a_signal_in_a_faint_direction_is_never_bounded_away(outputs: int, n_layers: int, decay: float) -> None:
    moments, length = with_faint_signal(outputs)
    widths = (2,) * (n_layers - 1) + (outputs,)
    answer = solve(Problem(Network(tuple(Layer(width, weight_decay=decay) for width in widths)), moments))
    # weights of the map that fits all cost no more than each of its rows by itself
    cost = outputs * n_layers * decay * length ** (2.0 / n_layers)
    assert answer.certificate.lower_bound <= min(cost, moments.yy)
    assert answer.certificate.lower_bound <= answer.certificate.upper_bound


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("decay", [1e-12, 1e-8, 1e-4])
def test_inputs_that_lack_directions_do_not_open_the_gap(decay: float, missing: int) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n_layers = int(rng.integers(2, 11))
        shape = Shape(4, (3,) * (n_layers - 1), 3)
        layers = tuple(Layer(3, weight_decay=decay) for _ in range(n_layers))
        answer = solve(Problem(Network(layers), white_moments(rng, shape, missing)))
        assert answer.solution.solver == "factorisation"
        assert answer.status is Status.EXACT


@pytest.mark.parametrize("zeros", [1, 2])
def test_inputs_that_are_zero_have_directions_of_their_own(zeros: int) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        inner = white_moments(rng, Shape(4, (3,), 3), seed % 3)
        order = rng.permutation(4 + zeros)
        xx, xy = np.zeros((4 + zeros, 4 + zeros)), np.zeros((4 + zeros, 3))
        xx[:4, :4], xy[:4] = inner.xx, inner.xy
        layers = tuple(Layer(3, weight_decay=1e-11) for _ in range(9))
        moments = Moments(xx[np.ix_(order, order)], xy[order], inner.yy)
        answer = solve(Problem(Network(layers), moments))
        assert answer.status is Status.EXACT
        weights = answer.solution.minimum.end_to_end_map
        assert float(np.abs(weights[:, moments.xx.diagonal() == 0.0]).max()) < 1e-15 * float(np.abs(weights).max())
