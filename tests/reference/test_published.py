"""Formulas printed in papers, and cases that can be solved by hand, against the service."""

import numpy as np
import pytest
from scipy.optimize import brentq

from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.ground.results import GlobalMinimum


def minimum_of(network: Network, moments: Moments) -> GlobalMinimum:
    answer = solve(Problem(network, moments))
    assert answer.certificate.holds
    return answer.solution.minimum


def network_of(decays: tuple[float, ...], widths: tuple[int, ...] = (), noises: tuple[float, ...] = ()) -> Network:
    hidden = zip(widths, decays[:-1], noises, strict=True)
    layers = [Layer(width, weight_decay=decay, noise_variance=noise) for width, decay, noise in hidden]
    return Network((*layers, Layer(1, weight_decay=decays[-1])))


def regression(seed: int) -> Moments:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(25, 4)) * np.array([1.0, 0.5, 2.0, 0.1])
    return moments_of(x, x @ rng.normal(size=(4, 1)) + 0.5 * rng.normal(size=(25, 1)))


@pytest.mark.parametrize("seed", range(10))
def test_one_hidden_layer_with_dropout_as_published(seed: int) -> None:
    """Ziyin, Li, Meng, Exact Solutions of a Deep Linear Network, NeurIPS 2022 (arXiv 2202.04777), Theorem 1.

    With decay g_w of W, g_u of U, width d and noise variance s: zero iff ||E[xy]||^2 <= g_u g_w; otherwise
    U = b r and W = r E[xy]^T b [b^2 (s + d) A0 + g_w I]^-1 for a sign vector r, where b solves
    ||[b^2 (s + d) A0 + g_w I]^-1 E[xy]||^2 = g_u / g_w.
    """
    rng = np.random.default_rng(seed)
    moments, width, s = regression(seed), int(rng.integers(1, 6)), float(rng.uniform(0.0, 2.0))
    g_w, g_u = rng.uniform(0.01, 0.4, 2)
    xy, a0 = moments.xy[:, 0], moments.xx
    minimum = minimum_of(network_of((g_w, g_u), (width,), (s,)), moments)
    if float(xy @ xy) <= g_u * g_w:
        assert minimum.trivial
        return

    def inverse(b: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.linalg.solve(b * b * (s + width) * a0 + g_w * np.eye(4), xy)

    b = brentq(lambda size: float(inverse(size) @ inverse(size)) - g_u / g_w, 0.0, 1e4, xtol=1e-14)
    first = np.outer(np.ones(width), b * inverse(b))
    last = np.full((1, width), b)
    assert minimum.parameters is not None
    found = [weight.dense() for weight in minimum.parameters.weights]
    sign = np.sign(found[1][0, 0])
    np.testing.assert_allclose(sign * found[0], first, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sign * found[1], last, rtol=1e-9)


@pytest.mark.parametrize(("factor", "trivial"), [(0.999999, False), (1.000001, True)])
def test_one_hidden_layer_collapses_where_published(factor: float, trivial: bool) -> None:
    """The same theorem: the threshold ||E[xy]|| = sqrt(g_u g_w) does not see noise or width."""
    moments = regression(3)
    length = float(np.linalg.norm(moments.xy))
    for noise in (0.0, 3.0):
        for width in (1, 7):
            decays = (0.5 * length * factor, 2.0 * length * factor)
            assert minimum_of(network_of(decays, (width,), (noise,)), moments).trivial is trivial


def test_no_hidden_layer_is_ridge_regression() -> None:
    moments = regression(0)
    for decay in (1e-3, 0.1, 10.0):
        minimum = minimum_of(network_of((decay,)), moments)
        ridge = np.linalg.solve(moments.xx + decay * np.eye(4), moments.xy[:, 0])
        np.testing.assert_allclose(minimum.end_to_end_map[0], ridge, rtol=1e-12)
        assert minimum.loss == pytest.approx(moments.yy - float(moments.xy[:, 0] @ ridge), rel=1e-13)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_one_input_one_hidden_layer_by_hand(noise: float) -> None:
    """min C c w^2 - 2 a w + y + 2 G |w| = y - (a - G)^2 / (C c), at w = (a - G) / (C c)."""
    c, a, y, width, decays = 2.0, 1.5, 3.0, 4, (0.2, 0.8)
    factor, mean = 1.0 + noise / width, 0.4
    minimum = minimum_of(network_of(decays, (width,), (noise,)), Moments(np.array([[c]]), np.array([[a]]), y))
    assert minimum.loss == pytest.approx(y - (a - mean) ** 2 / (factor * c), rel=1e-14)
    assert minimum.end_to_end_map[0, 0] == pytest.approx((a - mean) / (factor * c), rel=1e-14)
    assert minimum.terms.decay == pytest.approx(2.0 * mean * (a - mean) / (factor * c), rel=1e-14)
    assert minimum.terms.noise == pytest.approx((factor - 1.0) * c * ((a - mean) / (factor * c)) ** 2, rel=1e-13)
    assert minimum.prediction_variance == pytest.approx(minimum.terms.noise, rel=1e-14)


def test_one_input_three_hidden_layers_by_hand() -> None:
    """With u = sqrt(w) the derivative of c w^2 - 2 a w + 4 G sqrt(w) vanishes where c u^3 - a u + G = 0.

    For c = 1, a = 7, G = 6 that is (u - 1)(u - 2)(u + 3) = 0.
    """
    moments = Moments(np.array([[1.0]]), np.array([[7.0]]), 60.0)
    answer = solve(Problem(network_of((6.0,) * 4, (2, 3, 1), (0.0,) * 3), moments))
    norms = sorted(point.norm for point in answer.solution.stationary_points)
    assert norms == pytest.approx([0.0, 1.0, 4.0], rel=1e-13)
    losses = {round(point.norm): point.loss for point in answer.solution.stationary_points}
    assert losses[1] == pytest.approx(60.0 + 1.0 - 14.0 + 24.0, rel=1e-14)
    assert losses[4] == pytest.approx(60.0 + 16.0 - 56.0 + 48.0, rel=1e-14)
    # both lie above the 60 of the zero map
    assert answer.solution.minimum.trivial
    lighter = solve(Problem(network_of((3.0,) * 4, (2, 3, 1), (0.0,) * 3), moments)).solution.minimum
    root = max(np.roots([1.0, 0.0, -7.0, 3.0]).real)
    assert lighter.end_to_end_map[0, 0] == pytest.approx(root**2, rel=1e-12)
    assert lighter.loss == pytest.approx(60.0 + root**4 - 14.0 * root**2 + 12.0 * root, rel=1e-13)


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_isotropic_inputs_reduce_to_one_input(depth: int) -> None:
    rng = np.random.default_rng(depth)
    target = rng.normal(size=5)
    length = float(np.linalg.norm(target))
    several = Moments(2.0 * np.eye(5), target[:, None], 10.0)
    one = Moments(np.array([[2.0]]), np.array([[length]]), 10.0)
    network = network_of((0.05,) * (depth + 1), (3,) * depth, (0.2,) * depth)
    wide, narrow = minimum_of(network, several), minimum_of(network, one)
    assert wide.loss == pytest.approx(narrow.loss, rel=1e-13)
    np.testing.assert_allclose(
        wide.end_to_end_map[0] / length, target / length**2 * narrow.end_to_end_map[0, 0], rtol=1e-12
    )


def test_variance_of_the_prediction_peaks_where_noise_doubles_the_quadratic_form() -> None:
    """One hidden layer: Var = (C - 1)/C^2 (w_1.x)^2 is largest at C = 2, that is s = d."""
    moments, width = regression(1), 4
    noises = np.array([0.5, 0.9, 1.0, 1.1, 2.0]) * width
    variances = [minimum_of(network_of((0.1, 0.1), (width,), (s,)), moments).prediction_variance for s in noises]
    assert int(np.argmax(variances)) == 2


def test_least_curvature_at_the_continuous_transition() -> None:
    """F* - y = -(||a|| - G)^2 ||a||^2 / (C a'A0a) near G = ||a||: the second derivative jumps, the first does not."""
    moments = regression(2)
    a = moments.xy[:, 0]
    length, bend = float(np.linalg.norm(a)), float(a @ moments.xx @ a)
    for distance in (1e-2, 1e-3):
        decay = length * (1.0 - distance)
        fall = moments.yy - minimum_of(network_of((decay, decay), (2,), (0.0,)), moments).loss
        assert fall == pytest.approx((length - decay) ** 2 * length**2 / bend, rel=5.0 * distance)
