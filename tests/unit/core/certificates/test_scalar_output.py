"""The loss of noisy one-output networks near a perfect fit, enclosed in twofold numbers: against rationals."""

from fractions import Fraction

import numpy as np
import pytest

from service.core.certificates import scalar_output
from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Problem, Samples
from service.vocabulary import Bias
from tests.support.exact_numbers import of_samples
from tests.support.exact_truth import composed, objective
from tests.support.instances import dense
from tests.support.outputs_instances import Shape, network_of

ROWS, INPUTS = 12, 3


def nearly_fitted(depth: int, bias: Bias, noise: float, input_noise: float, offset: float) -> Problem:
    """Targets that a map fits to some 1e-9, and noise that costs as much."""
    rng = np.random.default_rng(depth)
    x = rng.standard_normal((ROWS, INPUTS)) + offset
    y = x @ rng.standard_normal((INPUTS, 1)) + 1e-9 * rng.standard_normal((ROWS, 1))
    hidden = (4,) * depth
    shape = Shape(INPUTS, hidden, 1)
    network = network_of(shape, [1e-24] * (depth + 1), [noise] * depth, input_noise, bias)
    return Problem(network, moments_of(x, y), Samples(x, y))


def exact_loss(problem: Problem, samples: Samples) -> Fraction:
    """The loss of the weights that the solver returns, in rational numbers."""
    parameters = solve(problem).solution.minimum.parameters
    assert parameters is not None
    written = dense(parameters)
    moments = of_samples(samples.x, samples.y)
    misfit = Fraction(0)
    if problem.network.bias is Bias.ALL:
        # the first bias takes the mean off what the noise multiplies, the last one off the prediction
        assert moments.x_mean is not None and moments.y_mean is not None  # noqa: PT018 - both narrow types
        whole, at_zero = composed(written.weights, written.biases)
        misfit = at_zero[0] + sum(a * b for a, b in zip(whole[0], moments.x_mean, strict=True)) - moments.y_mean[0]
        moments, written = moments.centred(), written.without_biases(written.weights)
    noise, decays = list(problem.network.noise_variances), list(problem.network.weight_decays)
    if problem.network.input_noise_variance:
        # on the inputs it is that of one more layer, which changes nothing
        identity = np.eye(INPUTS)
        weights, biases = [identity, *written.weights], [None, *written.biases]
        noise, decays = [problem.network.input_noise_variance, *noise], [0.0, *decays]
        return objective(moments, weights, decays, biases, noise) + misfit * misfit
    return objective(moments, list(written.weights), decays, list(written.biases), noise) + misfit * misfit


SEEN = [(Bias.NONE, 0.0), (Bias.NONE, 3.0), (Bias.OUTPUT, 3.0), (Bias.OUTPUT, 0.0)]
NOISES = [(1e-18, 0.0), (1e-18, 1e-18), (0.0, 1e-18), (0.0, 0.0)]
CASES = [(*seen, *noise) for seen in SEEN for noise in NOISES]
# noise on the inputs is that of the inputs as they are, which the moments about the means do not say
CASES += [(Bias.ALL, 3.0, 1e-18, 0.0), (Bias.ALL, 3.0, 0.0, 0.0)]


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize(("bias", "offset", "noise", "input_noise"), CASES)
def test_the_loss_of_the_weights_is_within_its_error(
    depth: int, bias: Bias, offset: float, noise: float, input_noise: float
) -> None:
    problem = nearly_fitted(depth, bias, noise, input_noise, offset)
    assert problem.samples is not None
    parameters = solve(problem).solution.minimum.parameters
    assert parameters is not None
    found = scalar_output._enclosed(problem, parameters, scalar_output._evaluated(problem, parameters))
    truth = exact_loss(problem, problem.samples)
    assert abs(Fraction(found.terms.loss) - truth) <= Fraction(found.error)
    assert found.error < 1e-7 * found.terms.loss
    if noise or input_noise:
        assert found.terms.noise > 1e-3 * found.terms.loss
