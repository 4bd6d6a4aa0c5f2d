"""Published closed forms for several outputs, each written down anew from its paper and compared with the service."""

import numpy as np
import pytest

from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.models.linear_vae import LinearVae, solve_vae
from service.core.models.unconstrained_features import FeatureGeometry, feature_problem, geometry_of
from service.vocabulary import Bias
from tests.support.outputs_instances import Shape, network_of, random_moments

SEEDS = range(12)


def white(target: FloatArray) -> Moments:
    """White inputs whose least-squares map is ``target`` (k, d), without a residual."""
    return Moments(np.eye(target.shape[1]), target.T, float(np.sum(target**2)))


@pytest.mark.parametrize("seed", SEEDS)
def test_eckart_young(seed: int) -> None:
    """Eckart, Young (Psychometrika 1936): the truncated singular value decomposition is the nearest of its rank."""
    rng = np.random.default_rng(seed)
    target, rank = rng.standard_normal((4, 5)), 1 + seed % 3
    left, values, right = np.linalg.svd(target)
    problem = Problem(network_of(Shape(5, (rank,), 4), [0.0, 0.0]), white(target))
    minimum = solve(problem).solution.minimum
    assert minimum.loss == pytest.approx(float(np.sum(values[rank:] ** 2)), rel=1e-12)
    assert minimum.end_to_end_map == pytest.approx((left[:, :rank] * values[:rank]) @ right[:rank], abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_baldi_hornik(seed: int) -> None:
    """Baldi, Hornik (Neural Networks 1989): project least squares on leading eigenvectors of Syx Sxx^-1 Sxy."""
    rng = np.random.default_rng(seed)
    shape = Shape(4, (2,), 3)
    moments = random_moments(rng, shape)
    regression = moments.xy.T @ np.linalg.inv(moments.xx)
    values, vectors = np.linalg.eigh(regression @ moments.xy)
    projector = vectors[:, 1:] @ vectors[:, 1:].T
    minimum = solve(Problem(network_of(shape, [0.0, 0.0]), moments)).solution.minimum
    assert minimum.loss == pytest.approx(moments.yy - float(np.sum(values[1:])), rel=1e-10)
    assert minimum.end_to_end_map == pytest.approx(projector @ regression, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_soft_thresholding(seed: int) -> None:
    """Cai, Candes, Shen (SIAM J. Optim. 2010): the proximal map of the nuclear norm lowers singular values."""
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((3, 4))
    first, second = rng.uniform(0.1, 1.0, 2)
    left, values, right = np.linalg.svd(target, full_matrices=False)
    lowered = np.maximum(values - np.sqrt(first * second), 0.0)
    minimum = solve(Problem(network_of(Shape(4, (4,), 3), [first, second]), white(target))).solution.minimum
    assert minimum.end_to_end_map == pytest.approx((left * lowered) @ right, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_cavazza_dropout(seed: int) -> None:
    """Cavazza et al. (AISTATS 2018): dropout of matrix factors is a squared nuclear norm, solved by one threshold."""
    rng = np.random.default_rng(seed)
    target, width, rate = rng.standard_normal((4, 4)), 5, float(rng.uniform(0.1, 0.6))
    weight = rate / (1.0 - rate) / width
    values = np.linalg.svd(target, compute_uv=False)
    kept = [k for k in range(1, 5) if values[k - 1] > weight / (1.0 + k * weight) * values[:k].sum()][-1]
    lowered = np.maximum(values - weight / (1.0 + kept * weight) * values[:kept].sum(), 0.0)
    lowered[kept:] = 0.0
    network = network_of(Shape(4, (width,), 4), [0.0, 0.0], [rate / (1.0 - rate)])
    minimum = solve(Problem(network, white(target))).solution.minimum
    assert minimum.singular_values == pytest.approx(lowered, abs=1e-12)
    assert minimum.loss == pytest.approx(np.sum((values - lowered) ** 2) + weight * lowered.sum() ** 2, rel=1e-12)


def collapsed(counts: tuple[int, ...], width: int, feature: float, weight: float, bias: Bias) -> FeatureGeometry:
    """Features under one decayed layer."""
    head = Network((Layer(len(counts), weight_decay=weight),), bias=bias, bias_weight_decays=(0.0,))
    problem = feature_problem(counts, width, feature, 0.0, head)
    return geometry_of(problem, counts, solve(problem).solution.minimum)


@pytest.mark.parametrize("classes", [2, 3, 5, 10])
def test_neural_collapse_is_a_simplex(classes: int) -> None:
    """Papyan, Han, Donoho (PNAS 2020): balanced class means with a free bias form a simplex equiangular tight frame."""
    found = collapsed((7,) * classes, classes + 2, 1e-3 / classes, 1e-3, Bias.OUTPUT)
    frame = np.full((classes, classes), -1.0 / (classes - 1))
    np.fill_diagonal(frame, 1.0)
    assert found.cosines == pytest.approx(frame, abs=1e-12)
    norms = [item.feature_norm for item in found.classes if item.feature_norm is not None]
    assert len(norms) == classes
    assert np.ptp(norms) <= 1e-12 * max(norms)
    assert found.kind == "simplex_etf"


def test_minority_collapse_threshold() -> None:
    """Dang et al. (ICML 2023): without a bias a class is learned iff n_k > N^2 lambda_W lambda_H (halved mean loss)."""
    counts, weight, features = (40, 10, 3), 2e-2, 5e-3
    samples = sum(counts)
    # (1/2N)||.||^2 + (w/2)||W||^2 + (h/2)||H||^2, doubled, is the core's convention
    found = collapsed(counts, 3, features, weight, Bias.NONE)
    edge = samples**2 * weight * features
    assert found.count_threshold == pytest.approx(edge, rel=1e-12)
    assert [item.learned for item in found.classes] == [count > edge for count in counts]
    heights = [np.sqrt(n) - samples * np.sqrt(weight * features) for n in counts if n > edge]
    own = [height / np.sqrt(n) for height, n in zip(heights, counts, strict=False)]
    assert np.diag(found.logits)[: len(own)] == pytest.approx(own, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_probabilistic_principal_components(seed: int) -> None:
    """Tipping, Bishop (JRSS B 1999): the best noise variance is the mean of the discarded eigenvalues."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, 5)) * np.array([3.0, 2.0, 1.0, 0.5, 0.3])
    latent = 1 + seed % 4
    values = np.sort(np.linalg.eigvalsh(x.T @ x / 60))[::-1]
    found = solve_vae(LinearVae(latent, 1.0, None), moments_of(x, x))
    variance = float(np.mean(values[latent:]))
    assert found.decoder_variance == pytest.approx(variance, rel=1e-9)
    # -log likelihood without its constant: half of sum log eigenvalue + d, the discarded ones replaced by their mean
    expected = 0.5 * (float(np.sum(np.log(values[:latent]))) + (5 - latent) * np.log(variance) + 5)
    assert found.loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_kunin_autoencoder(seed: int) -> None:
    """Kunin et al. (ICML 2019): regularised linear autoencoders shrink principal components by 1 - lambda/sigma^2."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((30, 4)) * np.array([2.0, 1.5, 1.0, 0.5])
    decay, width = float(rng.uniform(0.05, 1.5)), 1 + seed % 4
    values, vectors = np.linalg.eigh(x.T @ x / 30)
    factors = np.maximum(1.0 - decay / values[::-1], 0.0)
    factors[width:] = 0.0
    expected = (vectors[:, ::-1] * factors) @ vectors[:, ::-1].T
    minimum = solve(Problem(network_of(Shape(4, (width,), 4), [decay, decay]), moments_of(x, x))).solution.minimum
    assert minimum.end_to_end_map == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_posterior_collapse(seed: int) -> None:
    """Wang, Ziyin (NeurIPS 2022): latent i collapses iff zeta_i^2 <= beta eta^2; what stays has the variance given."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((50, 4)) * np.array([2.0, 1.2, 0.8, 0.4])
    beta, variance = float(rng.uniform(0.3, 3.0)), float(rng.uniform(0.1, 0.8))
    values = np.sort(np.linalg.eigvalsh(x.T @ x / 50))[::-1]
    found = solve_vae(LinearVae(4, beta, variance), moments_of(x, x))
    assert found.active == tuple(values > beta * variance)
    kept = values[values > beta * variance]
    assert np.linalg.svd(found.decoder, compute_uv=False)[: kept.size] ** 2 == pytest.approx(kept - beta * variance)
    assert found.encoder_variances[: kept.size] == pytest.approx(beta * variance / kept)


@pytest.mark.parametrize("seed", SEEDS)
def test_deep_dropout_shrinks_least_squares(seed: int) -> None:
    """Mianjy, Arora (ICML 2019): one output under dropout on every hidden layer is least squares over 1 + nu."""
    rng = np.random.default_rng(seed)
    widths, rates = rng.integers(1, 6, 3), rng.uniform(0.1, 0.6, 3)
    variances = rates / (1.0 - rates)
    nu = float(np.prod(1.0 + variances / widths)) - 1.0
    shape = Shape(4, tuple(map(int, widths)), 1)
    moments = random_moments(rng, shape)
    regression = np.linalg.solve(moments.xx, moments.xy).T
    minimum = solve(Problem(network_of(shape, [0.0] * 4, list(variances)), moments)).solution.minimum
    assert minimum.end_to_end_map == pytest.approx(regression / (1.0 + nu), rel=1e-9)
    explained = float(np.sum(regression * moments.xy.T))
    assert minimum.loss == pytest.approx(moments.yy - explained / (1.0 + nu), rel=1e-10)
