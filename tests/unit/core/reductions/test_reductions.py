"""Frozen layers, skips and weighted errors: by hand, as identities of losses, and against searches."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.dispatch import Extras, solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem, Samples, Skip
from service.core.ground.results import Minima
from service.core.losses.dense import DenseParameters
from service.core.losses.expected import loss_of
from service.core.reductions.graph import end_map, exact_terms
from service.core.reductions.own_loss import evaluated
from service.core.reductions.step import Weights, dense_factor
from service.core.reductions.table import needs_reduction, reduce
from service.errors import NotCovered
from service.vocabulary import Bias, Loss, PointClass, SkipKind, Status
from tests.support.descents import descended
from tests.support.outputs_reducible import GENERATORS
from tests.support.outputs_written import Written, packed

REDUCED = Extras(reductions=True)
FAMILIES = sorted(GENERATORS)


def solved(problem: Problem) -> Minima:
    return solve(problem, REDUCED)


def drawn(name: str, seed: int) -> Problem:
    return GENERATORS[name](np.random.default_rng(seed))


def random_weights(problem: Problem, rng: np.random.Generator) -> Weights:
    widths = [problem.data.inputs, *(layer.width for layer in problem.network.layers)]
    layers = tuple(
        dense_factor(
            rng.standard_normal((widths[i + 1], widths[i])) if own.frozen_weights is None else own.frozen_weights
        )
        for i, own in enumerate(problem.network.layers)
    )
    skips = tuple(
        None
        if skip.kind is SkipKind.IDENTITY
        else dense_factor(rng.standard_normal((widths[skip.target], widths[skip.source])))
        for skip in problem.network.skips
    )
    return Weights(layers, skips)


@pytest.mark.parametrize("name", FAMILIES)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_the_reduced_loss_bounds_and_the_way_back_reaches_it(name: str, seed: int) -> None:
    """At any weights the problem's own loss is no less than the reduced one, and equal after going there and back."""
    problem = drawn(name, seed)
    reduction = reduce(problem)
    assert not isinstance(reduction, str), reduction
    weights = random_weights(problem, np.random.default_rng(seed + 1))
    inner = reduction.project(weights)
    plain = exact_terms(reduction.plain, inner, np.zeros(reduction.plain.network.outputs)).loss + reduction.constant
    own = evaluated(problem, weights).terms.loss
    size = abs(own) + problem.data.yy
    meeting = name == "frozen layer between" and problem.network.outputs == 1
    if not meeting:
        assert plain <= own + 1e-10 * size
    back = reduction.lift(inner, end_map(reduction.plain.network, inner, reduction.plain.data.inputs))
    assert evaluated(problem, back).terms.loss == pytest.approx(plain, abs=1e-9 * size)


@pytest.mark.parametrize("name", FAMILIES)
def test_no_search_on_the_objective_as_written_goes_below(name: str) -> None:
    for seed in range(3):
        problem = drawn(name, seed)
        answer, written = solved(problem), Written(problem)
        minimum = answer.solution.minimum
        assert answer.status is not Status.BOUNDED
        assert all(check.passed for check in answer.certificate.checks)
        assert answer.reductions
        assert minimum.parameters is not None
        value, gradient = written.value_and_gradient(packed(problem, minimum.parameters))
        scale = problem.data.yy
        assert value == pytest.approx(minimum.loss, abs=1e-10 * scale)
        assert np.linalg.norm(gradient) <= 1e-7 * scale
        rng = np.random.default_rng(seed)
        best = min(
            descended(written.value_and_gradient, size * rng.standard_normal(written.size), 400)[0]
            for size in (0.4, 1.0)
        )
        assert best >= minimum.loss - 1e-10 * scale


def one_number(*layers: Layer, skips: tuple[Skip, ...] = (), xx: float = 1.0) -> Problem:
    """One input and one output with E[x y] = 2 and E[y^2] = 5."""
    return Problem(Network(layers, skips=skips), Moments(np.array([[xx]]), np.array([[2.0]]), 5.0))


def test_by_hand_a_frozen_number_scales_the_input() -> None:
    """J = (3 a - y)^2 + g a^2 with one trained number a: a = 6/(9 + g), J = 5 - 36/(9 + g), plus the frozen decay."""
    frozen = Layer(1, frozen_weights=np.array([[3.0]]), weight_decay=0.5)
    minimum = solved(one_number(frozen, Layer(1, weight_decay=1.0))).solution.minimum
    assert minimum.loss == pytest.approx(5.0 - 36.0 / 10.0 + 4.5, rel=1e-12)
    assert minimum.end_to_end_map[0, 0] == pytest.approx(1.8, rel=1e-12)


def test_by_hand_a_decayed_skip_and_a_path() -> None:
    """Skip s of decay 1, path b a of decays 1/4: t = ab costs |t|/2; of E(s + t - y)^2 + s^2 + |t|/2 the minimum."""
    problem = one_number(
        Layer(1, weight_decay=0.25), Layer(1, weight_decay=0.25), skips=(Skip(0, 2, SkipKind.TRAINABLE, 1.0),)
    )
    minimum = solved(problem).solution.minimum
    # stationary in s: 2(s + t - 2) + 2 s = 0; in t > 0: 2(s + t - 2) + 1/2 = 0, hence s = 1/4, t = 3/2
    assert minimum.parameters is not None
    skip = minimum.parameters.skips[0]
    assert skip is not None
    assert skip.dense()[0, 0] == pytest.approx(0.25, rel=1e-9)
    assert minimum.loss == pytest.approx((1.75**2 - 4 * 1.75 + 5) + 0.0625 + 0.75, rel=1e-10)


def test_by_hand_weights_of_outputs() -> None:
    """White inputs, two outputs that each copy an input, weights 4 and 1, decays 1/4: thresholds at weight times 1."""
    x = np.eye(2) * np.sqrt(2.0)
    network = Network((Layer(2, weight_decay=0.25), Layer(2, weight_decay=0.25)))
    weights = np.array([4.0, 1.0])
    samples = Samples(x, x, np.tile(weights, (2, 1)))
    problem = Problem(network, Moments(np.eye(2), np.eye(2), 2.0, 2), samples, Loss.WEIGHTED_SQUARED)
    minimum = solved(problem).solution.minimum
    # w (t - 1)^2 + t/2 is least at t = 1 - 1/(4 w)
    assert np.diag(minimum.end_to_end_map) == pytest.approx(1 - 0.25 / weights, rel=1e-8)
    assert minimum.loss == pytest.approx(float(np.sum(0.0625 / weights + 0.5 * (1 - 0.25 / weights))), rel=1e-10)


def test_noise_on_a_frozen_first_layer_and_behind_it() -> None:
    """Hidden noise beside the trained layers, compared with the exact expected loss of random nearby weights."""
    rng = np.random.default_rng(5)
    frozen = Layer(3, frozen_weights=rng.standard_normal((3, 2)), noise_variance=0.4)
    network = Network((frozen, Layer(3, noise_variance=0.5), Layer(2)))
    problem = Problem(network, Moments(np.diag([1.0, 0.5]), rng.standard_normal((2, 2)) * 0.4, 3.0))
    answer = solved(problem)
    assert answer.status is Status.EXACT
    assert answer.solution.solver == "dropout"
    parameters = answer.solution.minimum.parameters
    assert parameters is not None
    best = [weight.dense() for weight in parameters.weights]

    def loss(weights: list[FloatArray]) -> float:
        return float(loss_of(network, problem.data, DenseParameters.without_biases(weights)))

    assert loss(best) == pytest.approx(answer.solution.minimum.loss, rel=1e-12)
    for _ in range(200):
        moved = [best[0], *(weight + 0.1 * rng.standard_normal(weight.shape) for weight in best[1:])]
        assert loss(moved) >= loss(best) - 1e-12


def test_an_infimum_that_is_not_attained_stays_one() -> None:
    frozen = Layer(2, frozen_weights=np.array([[1.0, 2.0], [0.5, -1.0]]))
    network = Network((frozen, Layer(2), Layer(2, weight_decay=0.3)))
    answer = solved(Problem(network, Moments(np.eye(2), np.array([[1.0, 0.2], [0.1, 0.7]]), 3.0)))
    assert not answer.solution.minimum.attained
    assert answer.solution.minimum.loss == pytest.approx(3.0 - 1.54, rel=1e-9)
    assert all(check.passed for check in answer.certificate.checks)


def test_the_origin_is_told_where_it_goes_over() -> None:
    identity = one_number(Layer(1), Layer(1), skips=(Skip(0, 1, SkipKind.IDENTITY),))
    assert solved(identity).solution.origin.point_class is PointClass.NOT_STATIONARY
    whole = one_number(Layer(1, weight_decay=0.25), Layer(1, weight_decay=0.25), skips=(Skip(0, 2, SkipKind.IDENTITY),))
    origin = solved(whole).solution.origin
    assert origin.point_class is PointClass.STRICT_SADDLE
    assert origin.reasons["barrier_height"]


NOT_COVERED = {
    "is of kind diagonal": one_number(Layer(1), Layer(1), skips=(Skip(0, 2, SkipKind.DIAGONAL),)),
    "hidden noise that skips bypass": one_number(
        Layer(1, noise_variance=0.5), Layer(1), skips=(Skip(0, 2, SkipKind.IDENTITY),)
    ),
    "the layer beside the identity is decayed": one_number(
        Layer(1, weight_decay=0.1), Layer(1), skips=(Skip(0, 1, SkipKind.IDENTITY),)
    ),
    "the skip is decayed and does not lead from the input to the output": one_number(
        Layer(1), Layer(1), Layer(1), skips=(Skip(0, 2, SkipKind.TRAINABLE, 0.1),)
    ),
    "is next to noise": one_number(Layer(1, noise_variance=0.5), Layer(1, frozen_weights=np.array([[2.0]])), Layer(1)),
    "no neighbour free of decay": Problem(
        Network(
            (
                Layer(2, weight_decay=0.1),
                Layer(2, frozen_weights=np.diag([1.0, 2.0])),
                Layer(2, weight_decay=0.1),
            )
        ),
        Moments(np.diag([1.0, 2.0]), np.eye(2), 3.0),
    ),
    "the inputs are not white": Problem(
        Network((Layer(2, weight_decay=0.1), Layer(2, frozen_weights=np.diag([1.0, 2.0])))),
        Moments(np.diag([1.0, 2.0]), np.eye(2), 3.0),
    ),
    "NP-hard": Problem(
        Network((Layer(1), Layer(2))),
        Moments(np.eye(2), np.eye(2), 2.0, 2),
        Samples(np.eye(2), np.eye(2), np.array([[1.0, 2.0], [3.0, 1.0]])),
        Loss.WEIGHTED_SQUARED,
    ),
    "weights of the outputs count as a frozen last layer": Problem(
        Network((Layer(2, weight_decay=0.1),)),
        Moments(np.diag([1.0, 2.0]), np.eye(2), 3.0, 2),
        Samples(np.diag([1.0, 2.0]), np.eye(2), np.array([[1.0, 2.0], [1.0, 2.0]])),
        Loss.WEIGHTED_SQUARED,
    ),
    "moments do not contain": Problem(
        Network((Layer(1), Layer(2))),
        Moments(np.eye(2), np.eye(2), 2.0),
        None,
        Loss.WEIGHTED_SQUARED,
    ),
    "no layer is trained": one_number(Layer(1, frozen_weights=np.array([[2.0]]))),
}


@pytest.mark.parametrize("reason", NOT_COVERED)
def test_what_stays_is_named(reason: str) -> None:
    with pytest.raises(NotCovered) as caught:
        solved(NOT_COVERED[reason])
    attempt = caught.value.attempts[-1]
    assert attempt.name == "reductions"
    assert reason in " ".join(attempt.failed.values())


SEEN = np.array([[0.6, 0.1, -0.5], [0.4, 1.3, 0.9]])
FROZEN = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0]])
SQUARE = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0], [0.3, 0.0, 2.0]])
ON_SAMPLES: dict[str, Network] = {
    "new inputs, one output": Network((Layer(2, frozen_weights=FROZEN), Layer(1))),
    "as many new inputs": Network((Layer(3, frozen_weights=SQUARE), Layer(2), Layer(1))),
    "new inputs, several outputs": Network((Layer(2, frozen_weights=FROZEN), Layer(2), Layer(2))),
    "targets that are gone": Network((Layer(3), Layer(2, frozen_weights=np.array([[1.0, 2.0, 1.0], [0.5, 0.0, 1.0]])))),
    "read backwards": Network(
        (Layer(3, weight_decay=0.01), Layer(2, frozen_weights=np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])))
    ),
    "biases and a skip": Network((Layer(3), Layer(1)), skips=(Skip(0, 2, SkipKind.TRAINABLE),), bias=Bias.OUTPUT),
}


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("name", ON_SAMPLES)
def test_samples_and_held_out_data_stay_with_the_network_that_was_asked(name: str, held_out: bool) -> None:
    """Losses of zero are measured on samples, which a reduced network no longer fits."""
    network = ON_SAMPLES[name]
    x = np.linalg.qr(SQUARE)[0] * np.sqrt(3.0) if name == "read backwards" else SEEN
    y = np.array([[0.3, 0.5], [-0.4, 1.0], [0.9, 0.2]])[: len(x), : network.outputs]
    moments = moments_of(x, y)
    of_moments = solved(Problem(network, moments)).solution.minimum
    found = solved(Problem(network, moments, Samples(x, y), evaluation=moments if held_out else None)).solution.minimum
    assert found.loss == pytest.approx(of_moments.loss, rel=1e-12, abs=1e-12)
    if held_out:
        assert found.evaluation_fit == pytest.approx(found.terms.fit, rel=1e-9, abs=1e-12)


def test_other_callers_see_the_problem_as_it_is() -> None:
    problem = drawn("skip from input to output", 0)
    assert needs_reduction(problem)
    with pytest.raises(NotCovered):
        solve(problem)
    plain = replace(problem, network=replace(problem.network, skips=()))
    assert not needs_reduction(plain)
