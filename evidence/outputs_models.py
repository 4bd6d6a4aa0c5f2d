"""Reductions, free features and variational autoencoders against restarts on their own objectives."""

import numpy as np

from service.core.dispatch import Extras, solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem
from service.core.losses.dense import flatten, unflatten
from service.core.losses.expected import gradient_of, loss_of
from service.core.reductions.table import needs_reduction
from service.core.several_outputs.noise.decay_dual import DecayDual
from service.core.several_outputs.noise.water_filling import effective_noise
from service.core.several_outputs.squared_error.quadratic import quadratic_of
from service.core.several_outputs.squared_error.ranks import rank_bound
from service.errors import NotCovered
from tests.support import outputs_instances as families
from tests.support.outputs_reducible import GENERATORS, mixture
from tests.support.outputs_search import template
from tests.support.outputs_written import Written, packed
from tests.support.searched_models import (
    BEATEN,
    INSTANCES,
    RESTARTS,
    Tally,
    autoencoders,
    free_features,
    least_of_restarts,
)


def reductions(name: str, count: int = INSTANCES) -> Tally:
    """``count`` problems of one kind against restarts."""
    tally = Tally()
    for seed in range(count):
        problem = GENERATORS[name](np.random.default_rng(seed))
        answer, written = solve(problem, Extras(reductions=True)), Written(problem)
        parameters = answer.solution.minimum.parameters
        assert parameters is not None, (name, seed)
        own = written.value_and_gradient(packed(problem, parameters))[0]
        reached = least_of_restarts(written.value_and_gradient, written.size, np.random.default_rng(seed))
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
        reached = least_of_restarts(written.value_and_gradient, written.size, np.random.default_rng(seed))
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
        reached = least_of_restarts(objective, flatten(like).size, np.random.default_rng(seed))
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
