"""The minimum of a linear variational autoencoder in the standard form of an answer, with its certificate.

See ``docs/theory/autoencoders.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters
from service.core.ground.problems import Moments, Problem
from service.core.ground.results import (
    GlobalMinimum,
    Minima,
    Origin,
    Solution,
    StationaryPoint,
    Thresholds,
)
from service.core.ground.roles import ModelSolver
from service.core.ground.rules import Finding, Judgement
from service.core.losses.expected import fit_of
from service.core.models.evidence_bound import Autoencoder, terms_of
from service.core.models.linear_vae import LinearVae, VaeSolution, solve_vae
from service.core.models.vae_certificate import seen_moments, vae_certificate
from service.core.several_outputs.squared_error.quadratic import Quadratic, quadratic_of_moments
from service.core.several_outputs.weights.layers import product_svd
from service.vocabulary import Evidence, Model, PointClass, PointKind, Status

SOLVER = ModelSolver("linear_vae", ("linear-vae",), Model.LINEAR_VAE)


@dataclass(frozen=True)
class Latent:
    """One latent: its singular value squared, whether it carries anything, and from which beta on it does not."""

    strength: float
    active: bool
    collapse_beta: float
    encoder_variance: float
    decoder_norm: float


@dataclass(frozen=True)
class VaeMinima:
    """The standard answer, and what is special to the model."""

    minima: Minima
    decoder_variance: float
    latents: tuple[Latent, ...]


def vae_minima(problem: Problem, model: LinearVae) -> VaeMinima:
    """Solve and certify; ``problem`` holds the data, the biases and the two layers encoder and decoder.

    Raises
    ------
    InputError
        If the decoder variance is to be learned and the evidence bound has no minimum.
    """
    moments = seen_moments(problem)
    found = solve_vae(model, moments)
    quadratic = quadratic_of_moments(moments)
    at = Autoencoder(found.decoder, found.encoder, found.encoder_variances, found.decoder_variance)
    minimum = _minimum(problem, moments, model, found, at)
    points, origin = _points(model, quadratic, moments, minimum, at)
    why = "a variational autoencoder has no weight decay: `latents` gives the beta from which each has collapsed"
    names = ("critical_decay_scale", "metastable_up_to_decay_scale", "transition_order", "transitions")
    reasons = dict.fromkeys(names, why)
    reasons |= dict.fromkeys(("critical_noise_variance", "critical_noise_scale"), "the latent noise is learned")
    solution = Solution(
        SOLVER.name,
        SOLVER.theorems,
        minimum,
        points,
        "not complete: full collapse, the leading latents switched on one after the other, and the minimum",
        Thresholds.none(reasons),
        origin,
    )
    certificate = vae_certificate(problem, model, minimum, at)
    evidence = {"latent": model.latent, "beta": model.beta, "decoder_variance_learned": model.decoder_variance is None}
    spectrum = problem.data.spectrum
    answer = Minima(
        Status.EXACT if certificate.holds else Status.BOUNDED,
        solution,
        certificate,
        (Finding("linear encoder and decoder with diagonal latent noise", Judgement(True, evidence)),),
        spectrum.condition_number,
        spectrum.rank_tolerance,
    )
    norms = np.linalg.norm(found.decoder, axis=0)
    strengths = np.zeros(model.latent)
    strengths[: min(model.latent, found.strengths.size)] = found.strengths[: model.latent] ** 2
    latents = tuple(
        Latent(
            float(strengths[index]),
            found.active[index],
            found.collapse_betas[index],
            float(found.encoder_variances[index]),
            float(norms[index]),
        )
        for index in range(model.latent)
    )
    return VaeMinima(answer, found.decoder_variance, latents)


def _minimum(
    problem: Problem, moments: Moments, model: LinearVae, found: VaeSolution, at: Autoencoder
) -> GlobalMinimum:
    left, values, right = product_svd(at.decoder, at.encoder.T)
    kept = sum(found.active)
    product = at.decoder @ at.encoder
    biases: tuple[FactoredMatrix | None, ...] = (None, None)
    offset = np.zeros(moments.outputs)
    if problem.network.bias_layers and problem.data.x_mean is not None and problem.data.y_mean is not None:
        offset = problem.data.y_mean - product @ problem.data.x_mean
        biases = (_column(-(at.encoder @ problem.data.x_mean)), _column(problem.data.y_mean))
    terms = terms_of(model, moments, at)
    singular = np.zeros(min(product.shape))
    singular[:kept] = values[:kept]
    fit = None
    if problem.evaluation is not None:
        fit = fit_of(problem.evaluation, product, offset) / (2.0 * at.variance)
    return GlobalMinimum(
        loss=found.loss,
        terms=terms,
        trivial=kept == 0,
        attained=True,
        rank=kept,
        end_to_end_map=(left[:, :kept] * values[:kept]) @ right[:, :kept].T,
        output_offset=offset,
        singular_values=singular,
        parameters=Parameters((_factored(at.encoder), _factored(at.decoder)), biases),
        prediction_variance=float(np.sum(at.decoder**2 * at.noise)),
        uniqueness=_uniqueness(model, found, kept),
        evaluation_fit=fit,
    )


def _uniqueness(model: LinearVae, found: VaeSolution, kept: int) -> str:
    values = found.strengths
    if kept and kept == model.latent and kept < values.size and values[kept - 1] - values[kept] <= 1e-12 * values[0]:
        return "not unique: strengths tie at the last latent, a continuum of end-to-end maps is optimal"
    return "unique up to the order and signs of the latents, and rotations among latents of equal strength"


def _column(vector: FloatArray) -> FactoredMatrix:
    return FactoredMatrix(vector.reshape(-1, 1), np.ones(1), np.ones((1, 1)))


def _factored(matrix: FloatArray) -> FactoredMatrix:
    return FactoredMatrix(matrix, np.ones(matrix.shape[1]), np.eye(matrix.shape[1]))


def _points(
    model: LinearVae,
    quadratic: Quadratic,
    moments: Moments,
    minimum: GlobalMinimum,
    at: Autoencoder,
) -> tuple[tuple[StationaryPoint, ...], Origin]:
    """Collapse of all latents, then the leading ones switched on; more than they are wanted is a strict saddle."""
    variance = at.variance
    if model.decoder_variance is None and quadratic.total > 0.0:
        variance = quadratic.total / moments.outputs
    zero = Autoencoder(
        np.zeros_like(at.decoder), np.zeros_like(at.encoder), np.full(model.latent, model.prior_variance), variance
    )
    collapsed = minimum.trivial
    kind = PointClass.GLOBAL_MINIMUM if collapsed else PointClass.STRICT_SADDLE
    loss = terms_of(model, moments, zero).loss
    points = [StationaryPoint(PointKind.ORIGIN, loss, kind, Evidence.PROVED, 0.0, 0.0)]
    kept = minimum.rank
    between = range(1, kept) if model.decoder_variance is not None else range(0)
    for count in (*between, *([kept] if kept else [])):
        on = np.arange(model.latent) < count
        part = Autoencoder(
            at.decoder * on, at.encoder * on[:, None], np.where(on, at.noise, model.prior_variance), at.variance
        )
        points.append(
            StationaryPoint(
                PointKind.SINGULAR_SUBSET,
                minimum.loss if count == kept else terms_of(model, moments, part).loss,
                PointClass.GLOBAL_MINIMUM if count == kept else PointClass.STRICT_SADDLE,
                Evidence.PROVED,
                float(np.linalg.norm(minimum.singular_values[:count])),
                part.norm,
                {"active": count},
            )
        )
    return tuple(points), _origin(model, moments, variance, kind)


def _origin(model: LinearVae, moments: Moments, variance: float, kind: PointClass) -> Origin:
    """Curvature of full collapse in encoder and decoder; the variances only add positive curvature of their own."""
    outputs, inputs = moments.outputs, moments.inputs
    block = np.zeros((outputs + inputs, outputs + inputs))
    block[:outputs, :outputs] = np.eye(outputs) * model.prior_variance / variance
    block[:outputs, outputs:] = -moments.xy.T / variance
    block[outputs:, :outputs] = -moments.xy / variance
    block[outputs:, outputs:] = model.beta / model.prior_variance * moments.xx
    why = "not known for a variational autoencoder"
    return Origin(kind, float(np.linalg.eigvalsh(block)[0]), None, None, {"barrier_height": why, "escape_norm": why})
