"""Infima that no weights attain although they are not zero: some samples' losses fall for ever, none grows."""

import numpy as np
import pytest

from service.core.ground.problems import Samples
from service.core.one_layer.receding import recedes
from service.vocabulary import Loss, Status
from tests.support.one_layer_instances import drawn, layer, solved


def grouped(loss: Loss) -> Samples:
    """Two groups by indicators: one has labels of both kinds, the other of one kind only."""
    x = np.repeat(np.eye(2), [4, 3], axis=0)
    if loss is Loss.POISSON:
        return Samples(x, np.array([[1.0], [2.0], [0.0], [3.0], [0.0], [0.0], [0.0]]))
    signs = np.array([1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0])
    return Samples(x, signs[:, None] if loss is Loss.LOGISTIC else np.eye(2)[(signs > 0.0).astype(int)])


INFIMA = {
    Loss.LOGISTIC: 3.0 * np.log(4.0 / 3.0) + np.log(4.0),
    Loss.CROSS_ENTROPY: 3.0 * np.log(4.0 / 3.0) + np.log(4.0),
    Loss.POISSON: 4.0 * 1.5 - 6.0 * np.log(1.5),
}


@pytest.mark.parametrize("loss", INFIMA)
def test_a_group_with_one_kind_of_labels_falls_for_ever(loss: Loss) -> None:
    problem = layer(grouped(loss), loss, 0.0, "none")
    answer = solved(problem)
    minimum, certificate = answer.solution.minimum, answer.certificate
    assert not minimum.attained
    assert (minimum.parameters, answer.solution.stationary_points) == (None, ())
    assert "no weights attain the infimum" in minimum.uniqueness
    # by hand: the mixed group at its frequencies, the other at zero
    infimum = INFIMA[loss] / 7.0
    assert certificate.lower_bound <= infimum * (1.0 + 1e-12)
    assert minimum.loss >= infimum * (1.0 - 1e-12)
    decayed = solved(layer(grouped(loss), loss, 1e-3, "none"))
    assert decayed.solution.minimum.attained
    assert decayed.status is Status.CERTIFIED


def test_an_absent_class_beside_a_free_bias_has_no_minimum() -> None:
    samples = drawn(Loss.CROSS_ENTROPY, 40, 3, 2)
    present = samples.y[:, 0] == 0.0
    absent = Samples(samples.x[present], samples.y[present])
    assert not solved(layer(absent, Loss.CROSS_ENTROPY, 0.1, "free")).solution.minimum.attained
    assert solved(layer(absent, Loss.CROSS_ENTROPY, 0.1, "decayed")).solution.minimum.attained
    assert solved(layer(absent, Loss.CROSS_ENTROPY, 0.1, "none")).solution.minimum.attained
    assert solved(layer(samples, Loss.CROSS_ENTROPY, 0.1, "free")).solution.minimum.attained


def test_a_share_of_every_class_holds_the_logits_together() -> None:
    rng = np.random.default_rng(3)
    soft = rng.dirichlet(np.ones(3), 12)
    assert not recedes(layer(Samples(rng.normal(size=(12, 2)), soft), Loss.CROSS_ENTROPY, 0.0, "free"))
    soft[:, 2] = 0.0
    soft /= soft.sum(axis=1, keepdims=True)
    assert recedes(layer(Samples(rng.normal(size=(12, 2)), soft), Loss.CROSS_ENTROPY, 0.0, "free"))


@pytest.mark.parametrize("loss", [Loss.LOGISTIC, Loss.CROSS_ENTROPY, Loss.POISSON, Loss.SQUARED_HINGE])
@pytest.mark.parametrize("seed", range(3))
def test_overlapping_samples_attain_their_minimum(loss: Loss, seed: int) -> None:
    problem = layer(drawn(loss, 60, 2, seed), loss, 0.0, "free")
    assert not recedes(problem)
    assert solved(problem).solution.minimum.attained
