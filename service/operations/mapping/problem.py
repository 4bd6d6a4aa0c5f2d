"""A problem of the wire to the core's, with the way back for everything that has a convention."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Moments, Network, Problem, Samples
from service.core.models.linear_vae import LinearVae
from service.core.one_layer.parts import least_unit
from service.errors import FieldError, InputError, Location
from service.operations.mapping import data as data_mapping
from service.operations.mapping import losses, missing, models
from service.operations.mapping import network as network_mapping
from service.operations.mapping.arrays import vector_or_matrix
from service.operations.mapping.conventions import Scaling, scaling
from service.operations.mapping.convolutions import refuse
from service.operations.mapping.held_out import Output
from service.schemas import data as wire_data
from service.schemas import objective as wire_objective
from service.schemas import problem as wire
from service.settings import Limits
from service.vocabulary import RELU_LOSSES, Activation, Bias, Loss, Model

SQUARED: Final = (Loss.SQUARED, Loss.WEIGHTED_SQUARED)
OBJECTIVE_WEIGHTS: Final[Location] = ("objective", "weights")


@dataclass(frozen=True)
class MappedProblem:
    """A core problem and what is needed to report its answer in the caller's convention.

    Attributes
    ----------
    core : Problem
    scaling : Scaling
        Of the data.
    evaluation_scaling : Scaling or None
        Of the evaluation data, whose number of samples may differ.
    data : MappedData
    features : Features or None
        For unconstrained features, whose features are the first layer of ``core``.
    vae : LinearVae or None
        For a variational autoencoder, whose encoder and decoder are the layers of ``core``.
    """

    core: Problem
    scaling: Scaling
    evaluation_scaling: Scaling | None
    data: data_mapping.MappedData
    features: models.Features | None = None
    vae: LinearVae | None = None


class Inputs(Enum):
    """Which analyses take inputs of any size, measured in powers of two."""

    AS_SENT = "as sent"
    """None: weights or pictures belong to the units that were sent."""
    UNDECAYED = "undecayed"
    """Without decay, where other units are the same problem exactly."""
    ANY = "any"
    """With decay as well, for those who know what bounds owe to the change."""


def to_core(
    problem: wire.ProblemDocument,
    limits: Limits,
    *,
    other_models: bool = False,
    convolutions: bool = False,
    relu: bool = False,
    one_layer: bool = False,
    inputs: Inputs = Inputs.AS_SENT,
) -> MappedProblem:
    """The problem in the core's convention.

    Parameters
    ----------
    problem : Problem
    limits : Limits
    other_models : bool
        Whether the analysis knows free features, variational autoencoders and decays of skips.
    convolutions : bool
        Whether the analysis knows shared kernels.
    relu : bool
        Whether the analysis knows the losses of certified ReLU networks.
    one_layer : bool
        Whether it knows these losses, and missing targets, of a single linear layer.
    inputs : Inputs

    Raises
    ------
    InputError
        With locations from the root of the problem.
    LimitExceeded
    NotCovered
        If a layer has shared kernels that the analysis does not know.
    """
    network_mapping.check_size(problem.network, limits)
    single = one_layer and is_one_layer(problem)
    losses.check(problem.objective, relu=relu or single)
    observed = missing.observed_of(problem.data, known=single and missing.may_be_missing(problem))
    if not convolutions:
        refuse(problem.network)
    models.check(problem.network, others=other_models)
    if problem.network.model is Model.UNCONSTRAINED_FEATURES:
        return _of_features(problem, limits)
    _check_means(problem)
    data = _data_of(problem, limits, inputs)
    if problem.network.model is Model.LINEAR_VAE and data.moments is not None:
        return _of_autoencoder(problem, data, data.moments, limits)
    mapped = _of_network(problem, data, limits)
    core = missing.without_missing(mapped.core, observed)
    if single and core.loss in RELU_LOSSES:
        core = replace(core, gap_floor=least_unit(core))
    return replace(mapped, core=core)


def _of_features(problem: wire.ProblemDocument, limits: Limits) -> MappedProblem:
    core, factors, features = models.features_to_core(problem, limits)
    core = replace(core, most_numbers=limits.max_solution_numbers)
    return MappedProblem(core, factors, None, data_mapping.MappedData(features.width), features)


def _of_autoencoder(
    problem: wire.ProblemDocument, data: data_mapping.MappedData, moments: Moments, limits: Limits
) -> MappedProblem:
    core, vae = models.vae_to_core(problem, moments, limits)
    core = replace(core, evaluation=data.evaluation, most_numbers=limits.max_solution_numbers)
    unscaled = None if data.evaluation is None else Scaling(1.0, 1.0)
    return MappedProblem(core, Scaling(1.0, 1.0), unscaled, data, vae=vae)


def _of_network(problem: wire.ProblemDocument, data: data_mapping.MappedData, limits: Limits) -> MappedProblem:
    convention, loss = problem.objective.convention, problem.objective.loss
    # what is added over outputs is averaged over them
    averaged = problem.network.layers[-1].width if loss in SQUARED or loss in losses.ADDED else 1
    factors = scaling(convention, data.moments.n if data.moments else None, averaged)
    network = network_mapping.to_core(problem.network, data.inputs, factors, convention)
    samples = _samples_of(problem.objective, data, network)
    evaluation_scaling = None
    if data.evaluation is not None:
        evaluation_scaling = scaling(convention, data.evaluation.n, averaged, ("data", "evaluation", "n"))
    core = Problem(
        network=network,
        moments=data.moments,
        samples=samples,
        loss=loss,
        evaluation=data.evaluation,
        extremes=None if data.units is None else data.units.extremes,
        most_numbers=limits.max_solution_numbers,
    )
    return MappedProblem(core, factors, evaluation_scaling, data)


def is_one_layer(problem: wire.ProblemDocument) -> bool:
    """Whether the network is a single linear layer, trained and without noise or skips."""
    network, (layer, *others) = problem.network, problem.network.layers
    plain = layer.frozen_weights is None and layer.noise is None and network.input_noise is None and not network.skips
    return not others and plain and layer.activation is Activation.LINEAR and network.model is Model.FEEDFORWARD


def _data_of(problem: wire.ProblemDocument, limits: Limits, inputs: Inputs) -> data_mapping.MappedData:
    last, loss = len(problem.network.layers) - 1, problem.objective.loss
    output = Output(problem.network.layers[last].width, ("network", "layers", last, "width"))
    coded = losses.coded(missing.filled(problem.data), loss, output)
    numeric = loss in SQUARED or loss in losses.NUMERIC
    return data_mapping.to_core(coded, output, limits, numeric=numeric, ranged=_ranged(problem, inputs))


def _samples_of(objective: wire_objective.Objective, data: data_mapping.MappedData, network: Network) -> Samples | None:
    """The samples with what the loss needs beside them: weights of errors, or its parameter."""
    samples, weights = data.samples, _objective_weights(objective, data, network)
    if samples is not None and weights is not None:
        samples = replace(samples, weights=np.broadcast_to(weights, samples.y.shape))
    parameter = losses.parameter_of(objective)
    if samples is not None and parameter is not None:
        samples = replace(samples, loss_parameter=parameter)
    return samples


def _ranged(problem: wire.ProblemDocument, inputs: Inputs) -> data_mapping.Ranged | None:
    """How inputs of any size are brought into range; None where more than trained weights of a first layer sees them.

    With one layer that does not decay all decay vanishes as the others shrink: units do not matter then.
    """
    network = problem.network
    undecayed = not any(layer.weight_decay > 0.0 for layer in network.layers)
    if inputs is Inputs.AS_SENT or (inputs is Inputs.UNDECAYED and not undecayed):
        return None
    plain = network.model is Model.FEEDFORWARD and network.layers[0].frozen_weights is None
    linear = all(layer.activation is Activation.LINEAR for layer in network.layers)
    if not (plain and linear) or any(skip.source == 0 for skip in network.skips):
        return None
    decayed = all(layer.weight_decay > 0.0 for layer in network.layers)
    chain = not network.skips and all(layer.frozen_weights is None for layer in network.layers)
    if (not undecayed and not chain) or (decayed and problem.objective.loss is not Loss.SQUARED):
        return None
    return data_mapping.Ranged(decayed)


def _check_means(problem: wire.ProblemDocument) -> None:
    data = problem.data
    if problem.network.bias is Bias.NONE or not isinstance(data, wire_data.Moments):
        return
    missing = [name for name in ("x_mean", "y_mean") if getattr(data, name) is None]
    if missing:
        detail = f"is required by the bias {problem.network.bias}"
        raise InputError([FieldError(("data", name), detail) for name in missing])


def _objective_weights(
    objective: wire_objective.Objective, data: data_mapping.MappedData, network: Network
) -> FloatArray | None:
    if objective.loss is not Loss.WEIGHTED_SQUARED:
        if objective.weights is not None:
            raise InputError.at(OBJECTIVE_WEIGHTS, "belongs to the loss weighted_squared only")
        return None
    if objective.weights is None:
        raise InputError.at(OBJECTIVE_WEIGHTS, "is required by the loss weighted_squared")
    weights = vector_or_matrix(objective.weights, OBJECTIVE_WEIGHTS)
    shapes: list[tuple[int, ...]] = [(network.outputs,)]
    if data.moments is not None and data.moments.n is not None:
        shapes.append((data.moments.n, network.outputs))
    if weights.shape not in shapes or not (weights > 0.0).all():
        wanted = " or ".join(" x ".join(map(str, shape)) for shape in shapes)
        raise InputError.at(OBJECTIVE_WEIGHTS, f"must be {wanted} positive numbers")
    return weights
