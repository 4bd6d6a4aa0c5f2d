"""One linear layer under every convex loss: certified, never beaten by a search, and at rest."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.one_layer.parts import parts_of
from service.core.one_layer.predicted import LayerWeights
from service.vocabulary import Loss, PointClass, Status
from tests.support.one_layer_instances import (
    BIASES,
    KINKED,
    LOSSES,
    SEVERAL,
    SMOOTH,
    drawn,
    layer,
    searched,
    solved,
    value_at,
)

DECAYS = (0.3, 1e-2, 1e-5, 0.0)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("loss", LOSSES)
def test_gap_is_closed_and_no_search_goes_below(loss: Loss, decay: float, bias: str) -> None:
    problem = layer(drawn(loss, 60, 4, 7), loss, decay, bias)
    answer = solved(problem)
    certificate, minimum = answer.certificate, answer.solution.minimum
    assert answer.solution.solver == "convex_layer"
    assert answer.status is Status.CERTIFIED
    assert certificate.relative_gap <= 1e-11
    assert all(check.passed for check in certificate.checks)
    assert searched(problem, 3, 1) >= certificate.lower_bound
    assert [point.point_class for point in answer.solution.stationary_points] == [PointClass.GLOBAL_MINIMUM]
    assert minimum.terms.loss == pytest.approx(minimum.loss, rel=1e-12)


@pytest.mark.parametrize("loss", SMOOTH)
def test_the_gradient_vanishes(loss: Loss) -> None:
    problem = layer(drawn(loss, 60, 4, 3), loss, 0.02, "decayed")
    minimum = solved(problem).solution.minimum
    rng = np.random.default_rng(0)
    (part,) = parts_of(problem)
    at = LayerWeights(minimum.end_to_end_map, minimum.output_offset)
    least = value_at(part, at)
    for _ in range(20):
        step = LayerWeights(1e-5 * rng.normal(size=at.matrix.shape), 1e-5 * rng.normal(size=at.biases.shape))
        ends = [
            value_at(part, LayerWeights(at.matrix + sign * step.matrix, at.biases + sign * step.biases))
            for sign in (1.0, -1.0)
        ]
        # by differences: the slope is that of the step, whose square the curvature multiplies
        assert abs(ends[0] - ends[1]) <= 1e-11 * max(least, 1.0)
        assert min(ends) >= least - 1e-13 * max(least, 1.0)


@pytest.mark.parametrize("loss", SEVERAL)
def test_outputs_fall_apart(loss: Loss) -> None:
    samples = drawn(loss, 50, 3, 5, outputs=3)
    whole = solved(layer(samples, loss, 0.05)).solution.minimum
    alone = [
        solved(layer(replace(samples, y=samples.y[:, [output]]), loss, 0.05)).solution.minimum for output in range(3)
    ]
    assert whole.loss == pytest.approx(sum(minimum.loss for minimum in alone), rel=1e-12)
    assert whole.end_to_end_map == pytest.approx(np.vstack([minimum.end_to_end_map for minimum in alone]), rel=1e-6)


@pytest.mark.parametrize("power", [-8, 8])
@pytest.mark.parametrize("loss", LOSSES)
def test_units_of_inputs_do_not_open_the_gap(loss: Loss, power: int) -> None:
    samples = drawn(loss, 60, 4, 11)
    problem = layer(replace(samples, x=samples.x * 10.0**power), loss, 0.01)
    answer = solved(problem)
    assert answer.certificate.relative_gap <= (1e-7 if loss in KINKED else 1e-9)
    assert searched(problem, 3, 0) >= answer.certificate.lower_bound


@pytest.mark.parametrize("loss", LOSSES)
def test_offsets_beside_a_free_bias_do_not_open_the_gap(loss: Loss) -> None:
    samples = drawn(loss, 60, 4, 13)
    moved = 1e6 if loss in (Loss.HUBER, *KINKED) else 0.0
    near = solved(layer(samples, loss, 0.01))
    far = solved(layer(replace(samples, x=samples.x + 1e6, y=samples.y + moved), loss, 0.01))
    assert far.certificate.relative_gap <= (1e-7 if loss in KINKED else 1e-9)
    # an offset of 1e6 leaves ten digits of the data
    assert far.solution.minimum.loss == pytest.approx(near.solution.minimum.loss, rel=1e-7)


@pytest.mark.parametrize("decay", [0.01, 0.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_copies_constants_and_zeros_among_the_inputs(loss: Loss, decay: float) -> None:
    samples = drawn(loss, 60, 3, 17)
    more = np.column_stack([samples.x, samples.x[:, :1], -2.0 * samples.x[:, :1], np.full(60, 0.1), np.zeros(60)])
    answer = solved(layer(replace(samples, x=more), loss, decay))
    assert answer.certificate.relative_gap <= (1e-7 if loss in KINKED else 1e-9)
    if decay == 0.0:
        plain = solved(layer(samples, loss, decay))
        assert answer.solution.minimum.loss == pytest.approx(plain.solution.minimum.loss, rel=1e-9)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("loss", LOSSES)
def test_one_sample_and_one_input(loss: Loss, bias: str) -> None:
    for n, d in ((1, 1), (1, 4), (5, 1), (4, 9)):
        answer = solved(layer(drawn(loss, n, d, 19), loss, 0.1, bias))
        assert answer.certificate.relative_gap <= 1e-9


@pytest.mark.parametrize("loss", [Loss.HUBER, Loss.ABSOLUTE, Loss.QUANTILE, Loss.POISSON])
def test_equal_targets_leave_the_zero_map(loss: Loss) -> None:
    samples = drawn(loss, 20, 3, 23)
    minimum = solved(layer(replace(samples, y=np.full((20, 1), 2.0)), loss, 0.1)).solution.minimum
    assert minimum.trivial
    assert not minimum.end_to_end_map.any()
    assert minimum.output_offset[0] == pytest.approx(np.log(2.0) if loss is Loss.POISSON else 2.0, rel=1e-12)
