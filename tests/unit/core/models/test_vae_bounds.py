"""The bounds of a linear variational autoencoder against its closed form in sixty digits, on data in any units."""

from dataclasses import replace

import mpmath as mp  # type: ignore[import-untyped]  # it has no stubs
import numpy as np
import pytest

from service.core.ground.data.conditioned import Moments, moments_of
from service.core.ground.parameters import FactoredMatrix
from service.core.ground.problems import Layer, Network, Problem
from service.core.ground.results import Minima
from service.core.models.evidence_bound import Autoencoder
from service.core.models.linear_vae import LinearVae
from service.core.models.vae_bounds import enclosed_terms, gap_unit
from service.core.models.vae_certificate import seen_moments, vae_certificate
from service.core.models.vae_minima import vae_minima
from service.vocabulary import Bias, Status

DIGITS = 60


def drawn(seed: int, *, bias: bool = False, decades: float = 0.0, fitted: float = 0.3) -> Problem:
    """Samples of three inputs and two outputs, inputs in units far apart, targets explained but for a part."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((20, 3)) + (3.0 if bias else 0.0)
    y = x @ rng.standard_normal((3, 2)) + fitted * rng.standard_normal((20, 2))
    units = np.ldexp(1.0, np.round(np.array([-1.0, 0.0, 1.0]) * decades * 3.3).astype(int))
    network = Network((Layer(2), Layer(2)), bias=Bias.ALL if bias else Bias.NONE)
    return Problem(network, moments_of(x * units, y))


def truth(moments: Moments, model: LinearVae) -> float:
    """The least evidence bound for a given decoder variance, of the moments as exact numbers, rounded down."""
    with mp.workdps(DIGITS):
        xx, xy = mp.matrix(moments.xx.tolist()), mp.matrix(moments.xy.tolist())
        squares = sorted(mp.eigsy(xy.T * (xx**-1) * xy, eigvals_only=True), reverse=True)
        variance, beta = mp.mpf(float(model.decoder_variance or 0.0)), mp.mpf(model.beta)
        least = (mp.mpf(moments.yy) - mp.fsum(squares)) / (2 * variance)
        for index, square in enumerate(squares):
            if index < model.latent and square > beta * variance:
                least += beta / 2 * (1 + mp.log(square / (beta * variance)))
            else:
                least += square / (2 * variance)
        return float(least)


def raw(problem: Problem) -> Problem:
    """The same by its moments alone, which are then the exact numbers."""
    data = problem.data
    moments = Moments(data.xx, data.xy, data.yy, data.n, data.x_mean, data.y_mean)
    return replace(problem, moments=moments)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("beta", [1e-9, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("variance", [1e-6, 1.0, 1e6])
def test_the_truth_lies_between_bounds_that_meet(variance: float, beta: float, seed: int) -> None:
    problem = raw(drawn(seed, decades=2.0))
    model = LinearVae(2, beta, variance)
    found = vae_minima(problem, model).minima
    exact = truth(problem.data, model)
    assert found.status is Status.EXACT
    assert found.certificate.lower_bound <= exact * (1.0 + 1e-15)
    assert found.certificate.upper_bound >= exact * (1.0 - 1e-15)


@pytest.mark.parametrize("decades", [0.0, 4.0, 9.0])
@pytest.mark.parametrize("bias", [False, True])
def test_a_small_loss_has_its_own_digits(bias: bool, decades: float) -> None:
    problem = drawn(0, bias=bias, decades=decades, fitted=1e-7)
    found = vae_minima(problem, LinearVae(2, 1e-12, 1.0)).minima
    certificate = found.certificate
    assert found.status is Status.EXACT
    assert 0.0 < certificate.upper_bound < 1e-9 * problem.data.yy
    assert certificate.upper_bound - certificate.lower_bound <= 1e-9 * gap_unit(
        problem, LinearVae(2, 1e-12, 1.0), certificate.upper_bound, 1.0
    )


def in_units(problem: Problem, factor: float) -> Minima:
    data = problem.data
    scaled = Moments(data.xx, factor * data.xy, factor**2 * data.yy, data.n)
    return vae_minima(replace(problem, moments=scaled), LinearVae(1, 0.5, None)).minima


def test_units_of_targets_shift_a_learned_bound_and_leave_its_gap_alone() -> None:
    problem = drawn(1)
    plain = in_units(problem, 1.0)
    # with two outputs the bound moves by log(2^k): one of these comes next to zero
    near = int(np.round(-plain.solution.minimum.loss / (2.0 * np.log(2.0))))
    for power in (near, -20, 20):
        found = in_units(problem, 2.0**power)
        shift = 2.0 * power * np.log(2.0)
        assert found.solution.minimum.loss == pytest.approx(plain.solution.minimum.loss + shift, abs=1e-10)
        assert found.status is plain.status is Status.EXACT
        assert found.certificate.relative_gap == pytest.approx(plain.certificate.relative_gap, abs=1e-10)


def test_a_moved_encoder_or_bias_raises_the_enclosed_bound_by_what_it_costs() -> None:
    problem = drawn(2, bias=True)
    model = LinearVae(2, 0.1, 0.5)
    found = vae_minima(problem, model)
    minimum, parameters = found.minima.solution.minimum, found.minima.solution.minimum.parameters
    assert parameters is not None
    encoder, decoder = (weight.dense() for weight in parameters.weights)
    noise = np.array([latent.encoder_variance for latent in found.latents])
    at = Autoencoder(decoder, encoder, noise, 0.5)
    terms, error = enclosed_terms(problem, model, at, parameters)
    assert terms.loss == pytest.approx(minimum.loss, rel=1e-12)
    assert error <= 1e-12 * minimum.loss
    # a latent whose mean is off by e costs beta e^2 / 2, and moves the prediction by e times its column
    first, last = parameters.biases
    assert first is not None
    assert last is not None
    moved = first.dense() + np.array([[1e-3], [0.0]])
    biases = (FactoredMatrix(moved, np.ones(1), np.ones((1, 1))), last)
    shifted, more = enclosed_terms(problem, model, at, replace(parameters, biases=biases))
    cost = 1e-6 * (model.beta / 2.0 + float(np.sum(decoder[:, 0] ** 2)) / (2.0 * 0.5))
    assert shifted.loss + more >= minimum.loss + cost * (1.0 - 1e-6)
    # another decoder breaks the certificate
    wrong = replace(at, decoder=decoder * (1.0 + 1e-4))
    assert not vae_certificate(problem, model, minimum, wrong).holds
    assert seen_moments(problem).centred
