"""Reductions, free features and variational autoencoders against restarts on their own objectives."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from evidence import outputs_instances as families
from evidence.outputs_reducible import GENERATORS, mixture
from evidence.outputs_search import template
from evidence.outputs_written import EvidenceBound, Written, lowest, packed
from service.core.arrays import FloatArray
from service.core.dispatch import Extras, solve
from service.core.linear.noisy_decay import DecayDual
from service.core.linear.quadratic import quadratic_of
from service.core.linear.ranks import rank_bound
from service.core.linear.water_filling import effective_noise
from service.core.losses import flatten, gradient_of, loss_of, unflatten
from service.core.models.linear_vae import LinearVae
from service.core.models.unconstrained_features import feature_problem
from service.core.models.vae_minima import vae_minima
from service.core.moments import moments_of
from service.core.problems import Layer, Network, Problem, Samples
from service.core.reductions.step import dense_factor
from service.core.reductions.table import needs_reduction
from service.core.results import Minima
from service.errors import NotCovered
from service.vocabulary import Bias

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


def _restarts(
    objective: Callable[[FloatArray], tuple[float, FloatArray]], size: int, rng: np.random.Generator
) -> float:
    return min(lowest(objective, SCALES[run % 3] * rng.standard_normal(size)) for run in range(RESTARTS))


def reductions(name: str, count: int = INSTANCES) -> Tally:
    """``count`` problems of one kind against restarts."""
    tally = Tally()
    for seed in range(count):
        problem = GENERATORS[name](np.random.default_rng(seed))
        answer, written = solve(problem, Extras(reductions=True)), Written(problem)
        parameters = answer.solution.minimum.parameters
        assert parameters is not None, (name, seed)
        own = written.value_and_gradient(packed(problem, parameters))[0]
        reached = _restarts(written.value_and_gradient, written.size, np.random.default_rng(seed))
        tally.add(answer, own, reached, problem.data.yy)
    return tally


def mixtures(count: int = INSTANCES) -> tuple[Tally, str]:
    """Random mixtures until ``count`` were answered, and what became of the others."""
    tally, refused, plain, infima, seed = Tally(), 0, 0, 0, 0
    while tally.instances < count:
        problem = mixture(np.random.default_rng(seed))
        seed += 1
        if not needs_reduction(problem):
            plain += 1
            continue
        try:
            answer = solve(problem, Extras(reductions=True))
        except NotCovered:
            refused += 1
            continue
        written, parameters = Written(problem), answer.solution.minimum.parameters
        reached = _restarts(written.value_and_gradient, written.size, np.random.default_rng(seed))
        if parameters is None:
            infima += 1
            assert answer.certificate.lower_bound <= reached + BEATEN * problem.data.yy, seed
            continue
        own = written.value_and_gradient(packed(problem, parameters))[0]
        tally.add(answer, own, reached, problem.data.yy)
    others = (
        f"Of {seed} random mixtures {plain} had nothing to reduce, {refused} were refused by name, and {infima} had an "
        "infimum that is not attained, which no restart was below."
    )
    return tally, others


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
        tally.add(answer, own, _restarts(written.value_and_gradient, written.size, rng), 1.0)
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
        reached = _restarts(objective.value_and_gradient, objective.size, rng)
        tally.add(found.minima, own, reached, max(1.0, abs(own)))
    return tally


def noise_under_a_bias(count: int = INSTANCES) -> Tally:
    """Noise on one hidden layer under an output bias on data with means, against the exact expected loss."""
    tally = Tally()
    for seed in range(count):
        problem = families.noise_under_a_bias(np.random.default_rng(seed))
        answer, like = solve(problem), template(problem)
        parameters = answer.solution.minimum.parameters
        assert parameters is not None, seed

        def objective(point: FloatArray, problem: Problem = problem) -> tuple[float, FloatArray]:
            at = unflatten(point, template(problem))
            gradient: FloatArray = flatten(gradient_of(problem.network, problem.data, at))
            return float(loss_of(problem.network, problem.data, at)), gradient

        own = objective(packed(problem, parameters))[0]
        reached = _restarts(objective, flatten(like).size, np.random.default_rng(seed))
        tally.add(answer, own, reached, problem.data.yy)
    return tally


def noisy_decayed_gaps(count: int = INSTANCES) -> str:
    """Gaps of two noisy decayed layers on general inputs, without and with the dual of the decay."""
    before, after = [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        shape = families.random_shape(rng, 2)
        noise = [float(rng.uniform(0.05, 1.5))]
        network = families.network_of(shape, families.random_decays(rng, 2), noise)
        problem = Problem(network, families.random_moments(rng, shape))
        answer = solve(problem)
        if answer.solution.solver != "noisy_bounded":
            continue
        quadratic, loss = quadratic_of(problem), answer.certificate.upper_bound
        level = float(np.sum(quadratic.svd[1]))
        dual = DecayDual(quadratic, effective_noise(network), 0.0, rank_bound(problem, quadratic))
        alone = dual.at(np.zeros_like(quadratic.target))[0]
        assert 0.0 <= alone <= loss + BEATEN * level
        before.append((loss - alone) / loss)
        after.append(answer.certificate.relative_gap)
    gaps = np.array(after)
    return (
        f"Two layers with noise and decay on general inputs ({gaps.size} of {count} instances, those that no closed "
        f"form covers): the median gap is {np.median(before):.1e} with the bound for noise alone and "
        f"{np.median(gaps):.1e} with all bounds; {int(np.count_nonzero(gaps <= 1e-9))} close to 1e-9, the largest is "
        f"{gaps.max():.1e}."
    )


def report() -> str:
    """The table over all kinds."""
    lines = [
        (
            f"{INSTANCES} random instances of each kind (seeds 0 to {INSTANCES - 1}) against {RESTARTS} restarts of "
            "L-BFGS on the objective as its definition says, written down densely on the samples without any "
            "reduction; some with biases on data with means, some with noise on the inputs. Differences are relative "
            "to the mean square of the targets, for autoencoders to max(1, |bound|)."
        ),
        "",
        "- *own*: worst difference of the written objective at the returned weights from the returned loss.",
        "- *lead*: the most by which a restart is lower; more than 1e-9 would fail the report.",
        "- *match*: worst difference where a restart reaches the value; *unmatched*: none of the restarts does (1e-6).",
        "- *closed*: certificates with a gap of at most 1e-9, after the allowance for rounding.",
        "",
        "| kind | instances | own | lead | match | unmatched | closed | status |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [reductions(name).row(name) for name in GENERATORS]
    mixed, others = mixtures()
    lines.append(mixed.row("random mixtures of all"))
    lines.append(free_features().row("free features"))
    lines.append(autoencoders().row("linear variational autoencoders"))
    lines.append(noise_under_a_bias().row("hidden noise under an output bias"))
    lines += ["", others, "", noisy_decayed_gaps()]
    lines += [
        "",
        (
            "No restart is below a returned loss and no bound above a loss that was reached. A certificate that stays "
            "open is one of badly conditioned new inputs, where the allowance for rounding alone exceeds 1e-9."
        ),
    ]
    return "\n".join(lines)
