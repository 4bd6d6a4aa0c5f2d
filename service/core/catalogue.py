"""The explicit tables: which solvers there are, who certifies them, and which theorems are known.

A new solver or theorem is one new file and one row here; a test compares the tables with the folders.
"""

from collections.abc import Mapping
from typing import Final

from service.core.certificates.autoencoder import certify as certify_autoencoder
from service.core.certificates.convex_layer import certify as certify_convex_layer
from service.core.certificates.deep_bounded import certify as certify_deep_bounded
from service.core.certificates.dropout import certify as certify_dropout
from service.core.certificates.factorisation import certify as certify_factorisation
from service.core.certificates.noisy_bounded import certify as certify_noisy_bounded
from service.core.certificates.nuclear_norm import certify as certify_nuclear_norm
from service.core.certificates.rank_one_bottleneck import certify as certify_rank_one_bottleneck
from service.core.certificates.reduced_rank import certify as certify_reduced_rank
from service.core.certificates.scalar_output import certify as certify_scalar_output
from service.core.certificates.uncentred_noise import certify as certify_uncentred_noise
from service.core.ground.problems import Problem
from service.core.ground.results import Solution
from service.core.ground.roles import Certifier, ModelSolver, Search, Solver
from service.core.ground.rules import Theorem, conjunction, examine
from service.core.models import vae_minima
from service.core.ranks.rule import RankRule
from service.core.ranks.rules import (
    at_rest,
    balance,
    bottleneck,
    certified_relu,
    decayed,
    leaky,
    least_norm_average,
    linear_tail,
    margin_points,
    multilinear,
    pattern_groups,
    separable_classes,
    skips,
    white_minimum,
)
from service.core.solvers import (
    autoencoder,
    convex_layer,
    deep_bounded,
    dropout,
    factorisation,
    noisy_bounded,
    nuclear_norm,
    rank_one_bottleneck,
    reduced_rank,
    scalar_output,
    uncentred_noise,
)
from service.core.theorems import (
    affine_cells,
    apart,
    best_fits,
    collapsed,
    dead_units,
    exact_fits,
    flat_saddles,
    flatness,
    free_biases,
    infimum,
    learning_coefficient,
    linear_convex_losses,
    linear_decayed,
    linear_decayed_points,
    linear_dropout,
    linear_local_minima,
    linear_noisy,
    linear_saddles,
    linear_shallow_saddles,
    linear_sublevel_sets,
    linear_undecayed,
    linear_valleys,
    models,
    modified_objectives,
    one_hidden_layer,
    origin,
    parallel_units,
    quadratic_neurons,
    rectified_origin,
    reductions,
    rescaled_units,
    shallow_saddles,
    solution_paths,
    spare_neuron,
    spurious_minima,
    wide_critical_points,
    wide_sublevel_sets,
    wide_valleys,
)
from service.core.theorems import (
    convex_layer as convex_layer_theorems,
)
from service.core.theorems import scalar_output as scalar_output_theorems
from service.vocabulary import Model

SOLVERS: Final[tuple[tuple[Solver, Certifier], ...]] = (
    (scalar_output.SOLVER, certify_scalar_output),
    (reduced_rank.SOLVER, certify_reduced_rank),
    (factorisation.SOLVER, certify_factorisation),
    (autoencoder.SOLVER, certify_autoencoder),
    (dropout.SOLVER, certify_dropout),
    (uncentred_noise.SOLVER, certify_uncentred_noise),
    (nuclear_norm.SOLVER, certify_nuclear_norm),
    (rank_one_bottleneck.SOLVER, certify_rank_one_bottleneck),
    (deep_bounded.SOLVER, certify_deep_bounded),
    (noisy_bounded.SOLVER, certify_noisy_bounded),
    (convex_layer.SOLVER, certify_convex_layer),
)
"""In the order in which dispatch asks: the strongest statement first."""

BY_NAME: Final[Mapping[str, tuple[Solver, Certifier]]] = {row[0].name: row for row in SOLVERS}
"""The rows of `SOLVERS` by the name that an answer bears."""

SEARCHES: Final[Mapping[Search, Solver]] = {row.searches: row for row, _ in SOLVERS if row.searches is not None}
"""Who searches where no closed form is known and no faster solver applies."""

MODEL_SOLVERS: Final[tuple[ModelSolver, ...]] = (vae_minima.SOLVER,)
"""Beside `SOLVERS`: one for each model whose problems are none of theirs."""


def on_one_curve(solution: Solution) -> bool:
    """Whether an answer is that of a solver whose candidate maps lie on one curve."""
    return solution.solver in BY_NAME and BY_NAME[solution.solver][0].one_curve


def on_samples(solution: Solution) -> bool:
    """Whether an answer is that of a solver whose losses moments do not tell."""
    return solution.solver in BY_NAME and BY_NAME[solution.solver][0].on_samples


def model_of(solution: Solution) -> Model:
    """The model whose solver an answer is of."""
    return next((row.model for row in MODEL_SOLVERS if row.name == solution.solver), Model.FEEDFORWARD)


MODEL_THEOREMS: Final[Mapping[Model, Theorem]] = {Model.UNCONSTRAINED_FEATURES: models.UNCONSTRAINED_FEATURES}
"""What holds of the minimum of a model whose problems are those of a network, beside what its solver rests on."""


def theorems_of_model(model: Model, problem: Problem) -> tuple[str, ...]:
    """Ids of the theorems on a model whose hypotheses hold for a problem of it."""
    theorem = MODEL_THEOREMS.get(model)
    holds = theorem is not None and conjunction(examine(theorem.hypotheses, problem)) is True
    return (theorem.id,) if theorem is not None and holds else ()


LANDSCAPE_RULES: Final[tuple[Theorem, ...]] = tuple(
    sorted(
        (
            *linear_convex_losses.THEOREMS,
            *linear_local_minima.THEOREMS,
            *linear_saddles.THEOREMS,
            *linear_sublevel_sets.THEOREMS,
            *origin.THEOREMS,
            *rectified_origin.THEOREMS,
            *linear_decayed_points.THEOREMS,
            *linear_dropout.THEOREMS,
            *infimum.THEOREMS,
            *wide_critical_points.THEOREMS,
            *wide_sublevel_sets.THEOREMS,
            *wide_valleys.THEOREMS,
            *quadratic_neurons.THEOREMS,
            *parallel_units.THEOREMS,
            *solution_paths.THEOREMS,
            *one_hidden_layer.THEOREMS,
            *spurious_minima.THEOREMS,
            *dead_units.THEOREMS,
            *affine_cells.THEOREMS,
            *apart.THEOREMS,
            *best_fits.THEOREMS,
            *collapsed.THEOREMS,
            *exact_fits.THEOREMS,
            *flat_saddles.THEOREMS,
            *free_biases.THEOREMS,
            *linear_shallow_saddles.THEOREMS,
            *linear_valleys.THEOREMS,
            *rescaled_units.THEOREMS,
            *shallow_saddles.THEOREMS,
            *spare_neuron.THEOREMS,
            *modified_objectives.THEOREMS,
        ),
        key=lambda rule: rule.id,
    )
)
"""Theorems that decide verdicts on landscapes, or are listed beside them; by id."""

THEOREMS: Final[tuple[Theorem, ...]] = (
    *scalar_output_theorems.THEOREMS,
    *linear_undecayed.THEOREMS,
    *linear_decayed.THEOREMS,
    *linear_noisy.THEOREMS,
    *convex_layer_theorems.THEOREMS,
    *models.THEOREMS,
    *flatness.THEOREMS,
    *learning_coefficient.THEOREMS,
    *reductions.THEOREMS,
    *LANDSCAPE_RULES,
)
"""Every theorem that the service can cite."""

RANK_RULES: Final[tuple[RankRule, ...]] = (
    multilinear.RULE,
    balance.RULE,
    linear_tail.OUTPUTS,
    pattern_groups.RULE,
    linear_tail.CLASSES,
    margin_points.RULE,
    skips.TRAINABLE,
    skips.IDENTITY,
    decayed.STATIONARY_POINT,
    at_rest.RULE,
    separable_classes.LINEAR_NETWORK,
    separable_classes.LINEAR_END,
    skips.DENSE,
    least_norm_average.RULE,
    decayed.MINI_BATCH,
    white_minimum.RELU,
    white_minimum.LINEAR_NETWORK,
    certified_relu.CERTIFIED,
    leaky.RULE,
    bottleneck.RULE,
)
"""Every rule about the rank of weight matrices, K-D0 to K-D9 and K-R1 to K-R10."""
