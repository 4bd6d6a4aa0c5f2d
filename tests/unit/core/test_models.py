"""Unconstrained features and the linear variational autoencoder against searches on their own objectives."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.optimize import minimize

from evidence.outputs_instances import Shape, random_moments
from service.core.arrays import FloatArray
from service.core.dispatch import solve
from service.core.models.linear_vae import LinearVae, solve_vae
from service.core.models.unconstrained_features import feature_problem, geometry_of
from service.core.models.vae_minima import vae_minima
from service.core.problems import Layer, Moments, Network, Problem
from service.errors import InputError
from service.vocabulary import Bias, Status


@dataclass(frozen=True)
class Model:
    """Free features under a head, in the core's convention."""

    counts: tuple[int, ...]
    width: int
    hidden: tuple[int, ...]
    feature_decay: float
    decays: tuple[float, ...]
    bias: bool

    def problem(self) -> Problem:
        widths = (*self.hidden, len(self.counts))
        layers = tuple(Layer(width, weight_decay=decay) for width, decay in zip(widths, self.decays, strict=True))
        head = Network(layers, bias=Bias.OUTPUT if self.bias else Bias.NONE, bias_weight_decays=(0.0,) * len(layers))
        return feature_problem(self.counts, self.width, self.feature_decay, 0.0, head)


def feature_loss(model: Model, point: FloatArray) -> float:
    """The objective with one feature a sample, written down from its definition."""
    counts, classes = model.counts, len(model.counts)
    widths = (model.width, *model.hidden, classes)
    samples = sum(counts)
    labels = np.repeat(np.eye(classes), counts, axis=1)
    edge = model.width * samples
    hidden = point[:edge].reshape(model.width, samples)
    loss = model.feature_decay * float(np.sum(hidden**2))
    for before, after, decay in zip(widths[:-1], widths[1:], model.decays, strict=True):
        weight = point[edge : edge + before * after].reshape(after, before)
        edge += before * after
        loss += decay * float(np.sum(weight**2))
        hidden = weight @ hidden
    if model.bias:
        hidden = hidden + point[edge : edge + classes, None]
    return loss + float(np.sum((hidden - labels) ** 2)) / samples


def vae_loss(model: LinearVae, moments: Moments, point: FloatArray) -> float:
    """The negative evidence bound, written down from its definition."""
    outputs, inputs, latent = moments.outputs, moments.inputs, model.latent
    decoder = point[: outputs * latent].reshape(outputs, latent)
    encoder = point[outputs * latent : outputs * latent + latent * inputs].reshape(latent, inputs)
    noise = np.exp(point[outputs * latent + latent * inputs :][:latent])
    variance = float(np.exp(point[-1])) if model.decoder_variance is None else model.decoder_variance
    product = decoder @ encoder
    error = np.sum((product @ moments.xx) * product) - 2 * np.sum(product * moments.xy.T) + moments.yy
    error += np.sum(decoder**2 * noise)
    ratio = (np.diag(encoder @ moments.xx @ encoder.T) + noise) / model.prior_variance
    divergence = 0.5 * np.sum(ratio - 1.0 - np.log(noise / model.prior_variance))
    learned = 0.5 * outputs * np.log(variance) if model.decoder_variance is None else 0.0
    return float(error / (2.0 * variance) + model.beta * divergence + learned)


@pytest.mark.parametrize("seed", range(8))
def test_features_are_not_beaten(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 4))
    counts = tuple(int(count) for count in rng.integers(1, 6, classes))
    hidden = tuple(int(width) for width in rng.integers(2, 4, int(rng.integers(0, 2))))
    decays = tuple(float(decay) for decay in rng.uniform(0.005, 0.05, len(hidden) + 1))
    model = Model(counts, int(rng.integers(2, 4)), hidden, float(rng.uniform(0.002, 0.02)), decays, seed % 2 == 0)
    problem = model.problem()
    answer = solve(problem)
    assert answer.status is Status.EXACT
    minimum = answer.solution.minimum
    geometry = geometry_of(problem, counts, minimum)
    assert minimum.parameters is not None
    features, *head = (weight.dense() for weight in minimum.parameters.weights)
    own = np.concatenate(
        [
            np.repeat(features / np.sqrt(counts), counts, axis=1).ravel(),
            *(weight.ravel() for weight in head),
            minimum.output_offset,
        ]
    )
    assert feature_loss(model, own) == pytest.approx(minimum.loss, rel=1e-10)
    starts = [rng.standard_normal(own.size) for _ in range(3)]

    def objective(at: FloatArray) -> float:
        return feature_loss(model, at)

    best = min(float(minimize(objective, start, method="L-BFGS-B").fun) for start in starts)
    assert best >= minimum.loss - 1e-9
    # the thresholds of classes: on one side of each the class is learned, on the other not
    for index, item in enumerate(geometry.classes):
        if item.collapse_decay_scale is None:
            assert not item.learned
            continue
        for factor, learned in ((1 - 1e-6, True), (1 + 1e-6, False)):
            scale = item.collapse_decay_scale * factor
            scaled = replace(
                model, feature_decay=model.feature_decay * scale, decays=tuple(scale * g for g in model.decays)
            ).problem()
            there = geometry_of(scaled, counts, solve(scaled).solution.minimum)
            assert there.classes[index].learned is learned


@pytest.mark.parametrize("seed", range(8))
def test_vae_is_not_beaten_and_collapses_where_it_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 4))
    moments = random_moments(rng, Shape(size, (), size))
    variance = None if seed % 4 == 0 else float(rng.uniform(0.1, 0.6))
    model = LinearVae(
        1 if variance is None else size, float(rng.uniform(0.3, 0.9)), variance, float(rng.uniform(0.5, 2))
    )
    found = solve_vae(model, moments)
    own = [found.decoder.ravel(), found.encoder.ravel(), np.log(found.encoder_variances)]
    if variance is None:
        own.append(np.array([np.log(found.decoder_variance)]))
    point = np.concatenate(own)
    assert vae_loss(model, moments, point) == pytest.approx(found.loss, rel=1e-10)
    network = Network((Layer(model.latent), Layer(size)))
    certificate = vae_minima(Problem(network, moments), model).minima.certificate
    assert certificate.holds
    assert certificate.upper_bound == pytest.approx(found.loss, rel=1e-10)
    starts = [0.5 * rng.standard_normal(point.size) for _ in range(4)]

    def objective(at: FloatArray) -> float:
        return vae_loss(model, moments, at)

    best = min(float(minimize(objective, start, method="L-BFGS-B").fun) for start in starts)
    assert best >= found.loss - 1e-7
    if variance is not None:
        for index, beta in enumerate(found.collapse_betas):
            for factor, active in ((1 - 1e-9, True), (1 + 1e-9, False)):
                there = solve_vae(LinearVae(size, beta * factor, variance, model.prior_variance), moments)
                assert there.active[index] is active


def test_vae_without_anything_left_over_has_no_best_variance() -> None:
    moments = Moments(np.eye(2), np.eye(2), 2.0)
    with pytest.raises(InputError, match="explain the targets completely"):
        solve_vae(LinearVae(2, 0.5, None), moments)
