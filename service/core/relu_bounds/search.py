"""The best network found and the best bound proved, of a ReLU network that duality does not solve."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.problems import Problem, Samples
from service.core.ground.stopping import should_stop
from service.core.losses.dense import DenseParameters
from service.core.losses.nonlinear import loss_of, outputs_of
from service.core.relu_bounds.descent import descended, interpolating, nothing, numbers_held, started
from service.core.relu_bounds.form import BoundedForm, form_of
from service.core.relu_bounds.inconsistent import best_constants, groups_of
from service.core.relu_bounds.proofs import Proof, by_layers, by_outputs, inconsistency
from service.errors import LimitExceeded
from service.vocabulary import Loss

STARTS: Final = 6
ROUNDS: Final = 4
"""Times that missing units are inserted."""
_FIRST: Final = 1
"""Cones of the bound that is shown at once."""
_NEW: Final = 8
"""Missing units that go in at once."""


@dataclass(slots=True)
class BoundedSearch:
    """Steps of a search, each of which can be made alone.

    Attributes
    ----------
    problem : Problem
    most : int
        Cones that one proof may bound.
    """

    problem: Problem
    most: int
    form: BoundedForm = field(init=False)
    samples: Samples = field(init=False)

    def __post_init__(self) -> None:
        """Read the problem; `LimitExceeded` if a run of training would hold more numbers than it allows."""
        if self.problem.samples is None:
            raise ValueError("a ReLU network needs samples")
        if numbers_held(self.problem) > self.problem.most_numbers:
            at, unit = ("network", "layers"), "numbers to be held by the search for a bounded network"
            raise LimitExceeded(at, "max_solution_numbers", self.problem.most_numbers, unit)
        self.form, self.samples = form_of(self.problem), self.problem.samples

    def value(self, parameters: DenseParameters) -> float:
        """The objective of `BoundedForm` at a network."""
        return loss_of(self.problem.network, self.problem.loss, parameters, self.samples) / self.form.unit

    def errors(self, parameters: DenseParameters) -> FloatArray:
        """Errors (n, k) of a network, not correlated with what is free."""
        objective = self.form.objective
        outputs = outputs_of(self.problem.network, parameters, self.samples.x)
        return objective.admissible(-objective.loss.slope(outputs))

    def outset(self) -> tuple[DenseParameters, Proof]:
        """The network without weights, or one that takes all targets; and the bounds that need no search."""
        parameters = nothing(self.problem)
        if not self.problem.network.weight_decays.any() and self.problem.loss is not Loss.CROSS_ENTROPY:
            constants = best_constants(self.form.objective.loss, groups_of(self.samples.x))
            exact = interpolating(self.problem, constants)
            if exact is not None and self.value(exact) < self.value(parameters):
                parameters = exact
        return parameters, max(self._bounds(parameters, _FIRST), key=lambda proof: proof.bound)

    def start(self, seed: int) -> DenseParameters:
        """The network that one random start ends at."""
        return descended(self.problem, started(self.problem, seed))

    def proof(self, parameters: DenseParameters, slack: float) -> tuple[Proof, FloatArray, int]:
        """The best bound from the errors of a network and of none, the units (m, d) that it lacks, and cones."""
        proofs = self._bounds(parameters, self.most)[:1]
        errors, missing, cones = self.errors(parameters), np.zeros((0, self.form.objective.x.shape[1])), 0
        if self._has_units:
            proof, found = by_outputs(self.form, errors, self.most, slack)
            proofs.append(proof)
            missing, cones = found.directions, found.cones
        elif self.form.rate > 0.0:
            proofs += [by_layers(self.form, one, self.most) for one in (errors, self.errors(self._zero))]
        return max(proofs, key=lambda one: one.bound), missing[:_NEW], cones

    def improved(self, parameters: DenseParameters, missing: FloatArray) -> DenseParameters:
        """Missing units (m, d) take the place of the least ones, and training goes on."""
        first, second = parameters.weights
        weight = np.sqrt(np.square(first).sum(axis=1) * np.square(second).sum(axis=0))
        places = np.argsort(weight, kind="stable")[: len(missing)]
        places = places[weight[places] <= 1e-2 * weight.max(initial=0.0)]
        missing = missing[: len(places)]
        if not len(places):
            return descended(self.problem, parameters)
        objective, inputs = self.form.objective, first.shape[1]
        towards = objective.features(missing).T @ self.errors(parameters)
        towards /= np.maximum(np.sqrt(np.square(towards).sum(axis=1, keepdims=True)), 1e-300)
        size = np.sqrt(0.1 * float(weight.max(initial=0.0)) or 0.1)
        first, second = first.copy(), second.copy()
        first[places], second[:, places] = size * missing[:, :inputs], size * towards.T
        biases = list(parameters.biases)
        if biases[0] is not None:
            ones = objective.x[0, inputs] if objective.x.shape[1] > inputs else 0.0
            biases[0] = biases[0].copy()
            biases[0][places] = size * ones * missing[:, -1]
        return descended(self.problem, replace(parameters, weights=(first, second), biases=tuple(biases)))

    def steps(self, tolerance: float) -> Iterator[tuple[DenseParameters, Proof, int]]:
        """All of them: the best network and the best proof so far after each, with the cones bounded."""
        best, proof = self.outset()
        yield best, proof, 0
        for seed in range(STARTS):
            if should_stop():
                return
            best = min(best, self.start(seed), key=self.value)
        yield best, proof, 0
        cones = 0
        for _ in range(ROUNDS):
            if should_stop():
                return
            found, missing, more = self.proof(best, 0.1 * tolerance)
            proof, cones = max(proof, found, key=lambda one: one.bound), cones + more
            yield best, proof, cones
            if not len(missing) or self.gap(best, proof) <= tolerance:
                return
            before = self.value(best)
            best = min(best, self.improved(best, missing), key=self.value)
            if self.value(best) >= before:
                return

    def gap(self, parameters: DenseParameters, proof: Proof) -> float:
        """Relative gap of a network and a bound."""
        value = self.value(parameters)
        return (value - proof.bound) / max(abs(value), self.floor, 1e-300)

    @property
    def floor(self) -> float:
        """What gaps are relative to where the minimum is next to nothing: 1e-6 of the loss of no network."""
        loss = self.form.objective.loss
        return 1e-6 * abs(loss.value(np.zeros_like(loss.y)))

    @property
    def _has_units(self) -> bool:
        return self.form.layers == 2 and self.form.objective.beta > 0.0

    @property
    def _zero(self) -> DenseParameters:
        return nothing(self.problem)

    def _bounds(self, parameters: DenseParameters, most: int) -> list[Proof]:
        """Bounds from a network that are had at once; the first is that of all functions of the inputs."""
        proofs = [inconsistency(self.form, self.samples.x)]
        if most > _FIRST:
            return proofs
        if self._has_units:
            proofs.append(by_outputs(self.form, self.errors(parameters), most, 1.0)[0])
        elif self.form.rate > 0.0:
            proofs.append(by_layers(self.form, self.errors(parameters), most))
        return proofs
