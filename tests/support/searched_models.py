"""Free features and variational autoencoders against restarts on their own objectives."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from service.core.dispatch import solve
from service.core.ground.data.moments import moments_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Layer, Network, Problem, Samples
from service.core.ground.results import Minima
from service.core.models.linear_vae import LinearVae
from service.core.models.unconstrained_features import feature_problem
from service.core.models.vae_minima import vae_minima
from service.core.reductions.step import dense_factor
from service.vocabulary import Bias
from tests.support import outputs_instances as families
from tests.support.descents import descended
from tests.support.outputs_written import EvidenceBound, Written, packed

INSTANCES: Final = 100
RESTARTS: Final = 6
BEATEN: Final = 1e-9
SCALES: Final = (0.3, 0.6, 1.0)


@dataclass
class Tally:
    """What is counted for one kind; differences are relative to ``unit``."""

    instances: int = 0
    worst_own: float = 0.0
    worst_lead: float = 0.0
    worst_match: float = 0.0
    unmatched: int = 0
    closed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    def add(self, answer: Minima, own: float, reached: float, unit: float) -> None:
        """Count one instance: the answer, the written objective at its weights, and the lowest restart.

        Raises
        ------
        AssertionError
            If a check fails, a restart is lower, or a bound exceeds a loss that was reached.
        """
        loss = answer.solution.minimum.loss
        self.instances += 1
        self.worst_own = max(self.worst_own, abs(own - loss) / unit)
        difference = (reached - loss) / unit
        self.worst_lead = max(self.worst_lead, -difference)
        if difference > 1e-6:
            self.unmatched += 1
        else:
            self.worst_match = max(self.worst_match, abs(difference))
        self.closed += answer.certificate.holds
        self.statuses[answer.status.value] = self.statuses.get(answer.status.value, 0) + 1
        failed = [check.name for check in answer.certificate.checks if not check.passed]
        assert not failed, failed
        assert difference >= -BEATEN, "beaten by a restart"
        assert answer.certificate.lower_bound <= reached + BEATEN * unit, "bound above a loss that was reached"

    def row(self, name: str) -> str:
        """One row of the table."""
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        return (
            f"| {name} | {self.instances} | {self.worst_own:.1e} | {self.worst_lead:.1e} | {self.worst_match:.1e} | "
            f"{self.unmatched} | {self.closed} | {statuses} |"
        )


def least_of_restarts(
    objective: Callable[[FloatArray], tuple[float, FloatArray]], size: int, rng: np.random.Generator
) -> float:
    """The lowest loss that descents from random points of three sizes reach."""
    return min(descended(objective, SCALES[run % 3] * rng.standard_normal(size))[0] for run in range(RESTARTS))


def free_features(count: int = INSTANCES) -> Tally:
    """Free features against the network whose inputs name the samples, one by one."""
    tally = Tally()
    for seed in range(count):
        rng = np.random.default_rng(seed)
        counts = tuple(int(size) for size in rng.integers(1, 6, int(rng.integers(2, 5))))
        widths = [int(width) for width in rng.integers(2, 5, int(rng.integers(0, 2)))] + [len(counts)]
        layers = tuple(Layer(width, weight_decay=float(rng.uniform(0.003, 0.04))) for width in widths)
        bias = Bias.OUTPUT if seed % 2 else Bias.NONE
        head = Network(layers, bias=bias, bias_weight_decays=(0.0,) * len(layers))
        problem = feature_problem(counts, int(rng.integers(2, 6)), float(rng.uniform(0.002, 0.02)), 0.0, head)
        answer = solve(problem)
        parameters = answer.solution.minimum.parameters
        assert parameters is not None, seed
        samples = Samples(np.eye(sum(counts)), np.repeat(np.eye(len(counts)), counts, axis=0))
        written = Written(Problem(problem.network, moments_of(samples.x, samples.y), samples))
        features = np.repeat(parameters.weights[0].dense() / np.sqrt(counts), counts, axis=1)
        each = replace(parameters, weights=(dense_factor(features), *parameters.weights[1:]))
        own = written.value_and_gradient(packed(written.problem, each))[0]
        tally.add(answer, own, least_of_restarts(written.value_and_gradient, written.size, rng), 1.0)
    return tally


def autoencoders(count: int = INSTANCES) -> Tally:
    """Variational autoencoders, half with a learned decoder variance, against restarts on the evidence bound."""
    tally = Tally()
    for seed in range(count):
        rng = np.random.default_rng(seed)
        size, outputs = (int(item) for item in rng.integers(2, 6, 2))
        moments = families.random_moments(rng, families.Shape(size, (), outputs))
        variance = None if seed % 2 else float(rng.uniform(0.1, 1.0))
        model = LinearVae(int(rng.integers(1, 4)), float(rng.uniform(0.3, 2.0)), variance)
        found = vae_minima(Problem(Network((Layer(model.latent), Layer(outputs))), moments), model)
        parameters = found.minima.solution.minimum.parameters
        assert parameters is not None, seed
        encoder, decoder = (weight.dense() for weight in parameters.weights)
        logs = np.log([latent.encoder_variance for latent in found.latents])
        last = np.log([found.decoder_variance]) if variance is None else np.zeros(0)
        objective = EvidenceBound(model, moments)
        own = objective.value_and_gradient(np.concatenate([decoder.ravel(), encoder.ravel(), logs, last]))[0]
        reached = least_of_restarts(objective.value_and_gradient, objective.size, rng)
        tally.add(found.minima, own, reached, max(1.0, abs(own)))
    return tally
