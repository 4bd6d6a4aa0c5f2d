"""Models other than a network on fixed inputs: what their fields mean, and which fields belong to which."""

from dataclasses import dataclass
from typing import Final

from service.core.ground.problems import Layer, Moments, Network, Problem
from service.core.models.linear_vae import LinearVae
from service.core.models.unconstrained_features import feature_problem
from service.errors import FieldError, InputError, LimitExceeded, Location
from service.operations.mapping import network as network_mapping
from service.operations.mapping.conventions import Scaling, scaling
from service.schemas import network as wire_network
from service.schemas import problem as wire
from service.schemas.data import NoData
from service.settings import Limits
from service.vocabulary import Activation, Bias, Convention, Loss, Model

AT: Final[Location] = ("network",)
FIELDS: Final = {
    Model.FEEDFORWARD: (),
    Model.UNCONSTRAINED_FEATURES: ("class_counts", "feature_weight_decay"),
    Model.LINEAR_VAE: ("latent", "beta", "decoder_variance"),
}
REQUIRED: Final = ("class_counts", "feature_weight_decay", "latent")


@dataclass(frozen=True, slots=True)
class Features:
    """What an answer about free features has beside the standard parts."""

    class_counts: tuple[int, ...]
    width: int


def check(network: wire_network.Network, *, others: bool) -> None:
    """Refuse fields of another model, and where ``others`` is false what only minima know.

    Raises
    ------
    InputError
    """
    model = network.model
    if model is not Model.FEEDFORWARD and not others:
        raise InputError.at((*AT, "model"), "must be feedforward: other models are supported by minima only")
    decayed = next((index for index, skip in enumerate(network.skips) if skip.weight_decay and not others), None)
    if decayed is not None:
        detail = "must be left out here: only minima support decays of skips"
        raise InputError.at((*AT, "skips", decayed, "weight_decay"), detail)
    problems = [
        FieldError((*AT, name), f"belongs to the model {owner} only")
        for owner, names in FIELDS.items()
        for name in names
        if owner is not model and getattr(network, name) is not None
    ]
    problems += [
        FieldError((*AT, name), f"is required by the model {model}")
        for name in FIELDS[model]
        if name in REQUIRED and getattr(network, name) is None
    ]
    if problems:
        raise InputError(problems)


def features_to_core(problem: wire.ProblemDocument, limits: Limits) -> tuple[Problem, Scaling, Features]:
    """The network that has the features as its first layer.

    Raises
    ------
    InputError
        If something contradicts free features.
    LimitExceeded
    """
    network, data = problem.network, problem.data
    counts = tuple(network.class_counts or ())
    problems: list[FieldError] = []
    if not isinstance(data, NoData):
        detail = "must be none, with inputs as the width of a feature: features are free, only class counts matter"
        raise InputError.at(("data", "kind"), detail)
    if len(counts) != network.layers[-1].width:
        at = (*AT, "layers", len(network.layers) - 1, "width")
        problems.append(FieldError(at, f"must be {len(counts)}: one output for each class"))
    if network.bias in (Bias.ALL, Bias.HIDDEN):
        problems.append(FieldError((*AT, "bias"), "must be none or output for unconstrained features"))
    if problem.objective.loss is not Loss.SQUARED:
        problems.append(FieldError(("objective", "loss"), "must be squared for unconstrained features"))
    if problems:
        raise InputError(problems)
    if data.inputs > limits.max_width:
        raise LimitExceeded(("data", "inputs"), "max_width", limits.max_width, "neurons")
    convention = problem.objective.convention
    factors = scaling(convention, sum(counts), len(counts))
    head = network_mapping.to_core(network, data.inputs, factors, convention)
    at = (*AT, "feature_weight_decay")
    decay = network_mapping.scaled_decay(network.feature_weight_decay or 0.0, factors.decay, at)
    noise = network_mapping.noise_variance(network.input_noise)
    return feature_problem(counts, data.inputs, decay, noise, head), factors, Features(counts, data.inputs)


def vae_to_core(problem: wire.ProblemDocument, moments: Moments, limits: Limits) -> tuple[Problem, LinearVae]:
    """The autoencoder, and the network that its encoder and decoder form.

    Raises
    ------
    InputError
        If something does not belong to a linear variational autoencoder.
    LimitExceeded
    """
    network = problem.network
    problems: list[FieldError] = []
    if network.latent is not None and network.latent > limits.max_outputs:
        raise LimitExceeded((*AT, "latent"), "max_outputs", limits.max_outputs, "latents")
    if len(network.layers) != 1:
        problems.append(FieldError((*AT, "layers"), "must have one entry, the output of the decoder"))
    output = network.layers[-1]
    at = (*AT, "layers", len(network.layers) - 1)
    problems += [
        FieldError((*at, name), "does not belong to a linear_vae")
        for name, unused in (
            ("activation", output.activation is Activation.LINEAR),
            ("weight_decay", output.weight_decay == 0.0),
            ("noise", output.noise is None),
            ("frozen_weights", output.frozen_weights is None),
        )
        if not unused
    ]
    problems += [
        FieldError((*AT, name), "does not belong to a linear_vae")
        for name, used in (("skips", bool(network.skips)), ("input_noise", network.input_noise is not None))
        if used
    ]
    if network.bias not in (Bias.NONE, Bias.ALL) or network.bias_weight_decay:
        problems.append(FieldError((*AT, "bias"), "must be none, or all without decay, for a linear_vae"))
    if problem.objective.convention is not Convention.MEAN or problem.objective.loss is not Loss.SQUARED:
        detail = "must be the default for a linear_vae: the evidence bound of one sample has its own scale"
        problems.append(FieldError(("objective",), detail))
    if problems:
        raise InputError(problems)
    latent = network.latent or 1
    layers = (Layer(latent), Layer(output.width))
    core = Network(layers, bias=network.bias, bias_weight_decays=(0.0, 0.0) if network.bias is Bias.ALL else ())
    model = LinearVae(latent, 1.0 if network.beta is None else network.beta, network.decoder_variance)
    return Problem(core, moments), model
