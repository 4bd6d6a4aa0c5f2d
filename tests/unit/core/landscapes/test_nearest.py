"""What a null verdict names: every remedy is applied, and the theorem asked again."""

from collections import Counter

import numpy as np

from service.core.catalogue import LANDSCAPE_RULES
from service.core.ground.data.moments import moments_of
from service.core.ground.problems import Layer, Network, Problem, Samples, Skip
from service.core.landscapes.nearest import MOST, nearest
from service.core.landscapes.remedies import CHANGES
from service.core.landscapes.verdicts import DECIDING, apply, rulings
from service.vocabulary import Activation, Bias, Loss, Property, SkipKind

NETWORKS = 150


def drawn(seed: int) -> Problem:
    """Networks of one to three hidden layers with some of what people add to them."""
    rng = np.random.default_rng(seed)
    inputs, outputs, n = int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(4, 10))
    activation = list(Activation)[int(rng.integers(len(Activation)))]
    slope = 0.1 if activation is Activation.LEAKY_RELU else None
    decay = float(rng.choice([0.0, 0.0, 0.01]))
    widths = [int(width) for width in rng.integers(1, 12, size=int(rng.integers(1, 4)))]
    noise = float(rng.choice([0.0, 0.0, 0.3]))
    layers = [Layer(width, activation, slope, decay, noise) for width in widths]
    layers.append(Layer(outputs, weight_decay=decay))
    skips = (Skip(0, len(layers), SkipKind.TRAINABLE),) if rng.random() < 0.1 else ()
    bias = list(Bias)[int(rng.integers(len(Bias)))]
    bias_decay = decay if rng.random() < 0.5 else 0.0
    loss = (Loss.SQUARED, Loss.SQUARED, Loss.LOGISTIC, Loss.CROSS_ENTROPY)[int(rng.integers(4))]
    x = rng.normal(size=(n, inputs))
    y = rng.normal(size=(n, outputs))
    if loss is Loss.LOGISTIC:
        y = np.sign(y)
    elif loss is Loss.CROSS_ENTROPY:
        layers[-1] = Layer(max(outputs, 2), weight_decay=decay)
        y = np.eye(max(outputs, 2))[rng.integers(0, max(outputs, 2), n)]
    network = Network(tuple(layers), bias=bias, bias_weight_decays=(bias_decay,) * len(layers), skips=skips)
    return Problem(network, moments_of(x, y), Samples(x, y), loss)


def test_every_remedy_makes_its_theorem_decide() -> None:
    counted: Counter[str] = Counter()
    for seed in range(NETWORKS):
        problem = drawn(seed)
        applied = apply(LANDSCAPE_RULES, problem)
        for about, ruling in rulings(applied).items():
            if ruling.value is not None:
                continue
            named = nearest(about, applied, problem)
            assert len(named) <= MOST
            counted["null"] += 1
            counted["named"] += bool(named)
            for near in named:
                assert near.theorem.status in DECIDING
                assert all(one.finding.judgement.holds is not True for one in near.missing)
                assert all(one.finding.judgement.reason for one in near.missing)
                assert near.changed is None or all(one.remedy for one in near.missing)
                if near.changed is None:
                    continue
                counted["remedy"] += 1
                (again,) = apply([near.theorem], near.changed)
                left = [finding.name for finding in again.findings if finding.judgement.holds is not True]
                assert not left, (seed, near.theorem.id, near.missing, left)
                assert any(one.about is about and one.value is near.value for one in again.concludes)
    assert counted["named"] > 0.5 * counted["null"]
    assert counted["remedy"] > 0.5 * counted["null"]


def test_changes_are_of_hypotheses_that_theorems_have() -> None:
    names = {hypothesis.name for theorem in LANDSCAPE_RULES for hypothesis in theorem.hypotheses}
    assert set(CHANGES) <= names


def test_a_network_that_is_a_little_too_narrow_is_told_the_width() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 1))
    network = Network((Layer(10, Activation.TANH), Layer(1)), bias=Bias.ALL, bias_weight_decays=(0.0, 0.0))
    problem = Problem(network, moments_of(x, y), Samples(x, y))
    applied = apply(LANDSCAPE_RULES, problem)
    assert rulings(applied)[Property.NO_SPURIOUS_VALLEYS].value is None
    named = nearest(Property.NO_SPURIOUS_VALLEYS, applied, problem)
    assert [one.remedy for one in named[0].missing] == ["with hidden width 12 instead of 10"]
