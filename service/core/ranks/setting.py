"""A problem with its training and any measured weights: all that a rank rule may look at, computed once."""

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.core.data_facts.geometry import Gram, gram_of, whiteness_of
from service.core.data_facts.labels import CLASSIFICATION_LOSSES, Labelled, labelled_of
from service.core.data_facts.max_margin import Separability, separability_of
from service.core.data_facts.rank import rank_of_table
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.cached import cached_property
from service.core.ground.numbers.spectrum import EPSILON
from service.core.ground.problems import Problem
from service.core.ground.rules import Judgement
from service.core.losses.logarithms import chance_loss, log_loss
from service.core.ranks.graph import Graph
from service.core.ranks.snapshot import Snapshot, forward
from service.core.ranks.training import Training
from service.vocabulary import Activation, Bias, Dynamics, InitialLoss, Loss, SkipKind

FROM_SNAPSHOTS: Final = "the least of the snapshots"


@dataclass(frozen=True)
class Setting:
    """What rank rules are asked about.

    Attributes
    ----------
    problem : Problem
    inputs : int
        Number of inputs, known also without data.
    training : Training
    snapshots : tuple of Snapshot
        Weights of one training in the order of time; may be empty.
    times : tuple of float or None
        Of the snapshots, in the time of the flow on the core's objective, where they are known.
    """

    problem: Problem
    inputs: int
    training: Training = field(default_factory=Training)
    snapshots: tuple[Snapshot, ...] = ()
    times: tuple[float, ...] | None = None

    @cached_property
    def graph(self) -> Graph:
        """The network as nodes and edges."""
        return Graph(self.problem.network, self.inputs)

    @property
    def outputs(self) -> int:
        """Number of outputs K."""
        return self.problem.network.outputs

    @property
    def n_layers(self) -> int:
        """Number of weight matrices."""
        return self.problem.network.n_layers

    @cached_property
    def labelled(self) -> Labelled | None:
        """The samples by class, where the targets are labels."""
        return labelled_of(self.problem)

    @cached_property
    def separability(self) -> Separability:
        """Linear separability of the labels; undecided without labelled samples."""
        if self.labelled is None:
            reason = "there are no labelled samples"
            return Separability(None, None, None, None, "none", math.inf, reason)
        return separability_of(self.labelled)

    @cached_property
    def gram(self) -> Gram | None:
        """Inner products between samples, where there are samples and not too many."""
        return None if self.problem.samples is None else gram_of(self.problem.samples.x)

    @cached_property
    def whiteness(self) -> tuple[float, float] | None:
        """Scale and deviation of the second moments from a multiple of the identity."""
        return None if self.problem.moments is None else whiteness_of(self.problem.moments)

    @cached_property
    def input_rank(self) -> int | None:
        """Rank of the inputs."""
        if self.problem.samples is not None and self.problem.samples.x.size <= 10**6:
            return rank_of_table(self.problem.samples.x)
        if self.problem.moments is None:
            return None
        return self.problem.moments.spectrum.rank

    @cached_property
    def n_samples(self) -> int | None:
        """Number of samples, where known."""
        return None if self.problem.moments is None else self.problem.moments.n

    @cached_property
    def is_decayed(self) -> bool:
        """Whether any weight, bias or skip is decayed."""
        network = self.problem.network
        others = (*network.bias_weight_decays, *(skip.weight_decay for skip in network.skips))
        return bool(np.any(network.weight_decays > 0.0)) or any(decay > 0.0 for decay in others)

    @cached_property
    def log_losses(self) -> tuple[float, ...] | None:
        """Log of the summed loss at each snapshot; None without labelled samples or a classification loss."""
        if (
            self.labelled is None
            or self.problem.loss not in CLASSIFICATION_LOSSES
            or not self.graph.is_piecewise_linear
            or self.graph.has_convolutions
        ):
            return None
        found = []
        for snapshot in self.snapshots:
            prediction = forward(self.graph, snapshot, self.labelled.x).prediction
            found.append(log_loss(self.problem.loss, prediction, self.labelled.classes))
        return tuple(found)

    @cached_property
    def starts_below_chance(self) -> Judgement:
        """Whether the loss is at some time strictly below that of the zero function; it then stays there."""
        stated = self.training.initial_loss
        if self.problem.loss not in CLASSIFICATION_LOSSES:
            if stated is InitialLoss.BELOW_CHANCE:
                return Judgement(True, {"initial_loss": "stated to be below chance"})
            return Judgement(None, {"loss": self.problem.loss.value}, "this loss has no chance level")
        chance = chance_loss(self.problem.loss, self.outputs)
        if self.log_losses and self.n_samples:
            mean = math.exp(min(700.0, *self.log_losses)) / self.n_samples
            return _below(mean, chance, FROM_SNAPSHOTS)
        if stated is InitialLoss.BELOW_CHANCE:
            return Judgement(True, {"initial_loss": "stated to be below chance", "chance": chance})
        if isinstance(stated, InitialLoss):
            return Judgement(None, {"chance": chance}, "the loss at the start is not known")
        return _below(stated, chance, "as stated")

    @cached_property
    def fits_every_sample(self) -> Judgement:
        """Whether the summed loss falls below the level at which every sample is classified correctly."""
        if self.problem.loss not in CLASSIFICATION_LOSSES:
            return Judgement(False, {"loss": self.problem.loss.value}, "only classification losses have such a level")
        dead = self.dead_layer
        if dead is not None:
            return Judgement(False, {"layer": dead}, "every neuron of a ReLU layer is inactive on every sample")
        critical = math.log(chance_loss(self.problem.loss, 2))
        if self.log_losses:
            least = min(self.log_losses)
            if least < critical:
                return Judgement(True, {"least_log_loss": least, "level": critical})
            reason = "the summed loss of every snapshot is above the level at which all samples are correct"
            return Judgement(None, {"least_log_loss": least, "level": critical}, reason)
        stated = self.training.initial_loss
        if not isinstance(stated, InitialLoss) and self.n_samples and stated > 0.0:
            start = math.log(stated) + math.log(self.n_samples)
            if start < critical:
                return Judgement(True, {"initial_log_loss": start, "level": critical})
        return Judgement(None, {"level": critical}, "training may stop short of fitting every sample")

    @cached_property
    def growth(self) -> Judgement:
        """Whether gradient flow drives the norm of every layer to infinity."""
        for judgement in (self._growing_loss, self._gradient_flow, self._undecayed, self._unfrozen):
            if judgement.holds is not True:
                return judgement
        if self.problem.network.bias is not Bias.NONE:
            return Judgement(None, {"bias": self.problem.network.bias.value}, "biases can carry the growth instead")
        separable = self.separability
        if self.graph.is_linear and separable.separable is not True:
            reason = separable.reason or "the classes are not linearly separable"
            return Judgement(separable.separable, {"how": separable.method}, reason)
        if self.graph.skips():
            return Judgement(None, {"skips": len(self.graph.skips())}, "other paths can carry the growth instead")
        if self.graph.is_linear and self.has_one_direction and self.starts_below_chance.holds is not None:
            return self.starts_below_chance
        return self.fits_every_sample

    @property
    def has_one_direction(self) -> bool:
        """Whether one number distinguishes two classes: one output, or cross-entropy of two."""
        return self.outputs == 1 or (self.outputs == 2 and self.problem.loss is Loss.CROSS_ENTROPY)

    @property
    def _growing_loss(self) -> Judgement:
        loss = self.problem.loss
        holds = loss in CLASSIFICATION_LOSSES
        return Judgement(
            holds, {"loss": loss.value}, "" if holds else f"weights stay finite under the loss {loss.value}"
        )

    @property
    def _gradient_flow(self) -> Judgement:
        dynamics = self.training.dynamics
        holds = dynamics is Dynamics.GRADIENT_FLOW
        return Judgement(holds, {"dynamics": dynamics.value}, "" if holds else f"the dynamics is {dynamics.value}")

    @property
    def _undecayed(self) -> Judgement:
        return Judgement(not self.is_decayed, {}, "weight decay keeps the weights finite" if self.is_decayed else "")

    @property
    def _unfrozen(self) -> Judgement:
        frozen = [index + 1 for index, row in enumerate(self.problem.network.layers) if row.frozen_weights is not None]
        return Judgement(not frozen, {"frozen_layers": len(frozen)}, "a layer is not trained" if frozen else "")

    @cached_property
    def labels_are_targets(self) -> bool:
        """Whether the targets are one-hot labels."""
        return self.labelled is not None and self.outputs == self.labelled.n_classes

    def patterns(self, index: int) -> tuple[FloatArray, ...] | None:
        """Activation patterns (n, width) of the hidden nodes at a snapshot, where samples are known."""
        computable = self.graph.is_piecewise_linear and not self.graph.has_convolutions
        if self.problem.samples is None or not self.snapshots or not computable:
            return None
        found = forward(self.graph, self.snapshots[index], self.problem.samples.x)
        return tuple((z > 0.0).astype(np.float64) for z in found.pre_activations[:-1])

    @cached_property
    def dead_layer(self) -> int | None:
        """A ReLU layer whose neurons are all inactive at the last snapshot, so that no gradient passes."""
        patterns = self.patterns(-1)
        if patterns is None or self.graph.skips():
            return None
        for index, pattern in enumerate(patterns):
            is_relu = self.problem.network.layers[index].activation is Activation.RELU
            if is_relu and not pattern.any():
                return index + 1
        return None

    @cached_property
    def has_identity_skip(self) -> bool:
        """Whether a skip adds its source unchanged."""
        return bool(self.graph.skips(SkipKind.IDENTITY))


def _below(mean: float, chance: float, how: str) -> Judgement:
    holds = mean < chance * (1.0 - 8.0 * EPSILON)
    reason = "" if holds else "the loss is not below that of the zero function"
    return Judgement(holds, {"loss": mean, "chance": chance, "how": how}, reason)
