"""Skip connections of linear networks without hidden noise: which of them leave a plain network behind.

Each function looks at one skip and returns the reduced problem, or in words why it does not apply.  Proofs:
``docs/theory/reductions.md``.
"""

from dataclasses import replace

import numpy as np

from service.core.ground.data.changes import with_inputs_taken_off, with_ridge_taken_off
from service.core.ground.enclosures.composed import Composed
from service.core.ground.enclosures.eliminated import Eliminated
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix
from service.core.ground.problems import Layer, Problem, Skip
from service.core.reductions.beside import beside_a_layer, dropped, inserted, others_of
from service.core.reductions.step import (
    Step,
    Weights,
    apply,
    dense_factor,
    exchanged,
    frozen_decay,
    with_network,
    zero,
)
from service.vocabulary import SkipKind


def without_skip(problem: Problem, number: int) -> Step | str:
    """Remove skip ``number``, if that is exact."""
    skip = problem.network.skips[number]
    name = f"skip {number + 1}"
    if skip.kind in (SkipKind.DIAGONAL, SkipKind.CONCATENATE):
        return f"{name} is of kind {skip.kind}"
    reasons = []
    for rule in (beside_a_layer, _whole, _free_and_longer, _identity_before_free):
        found = rule(problem, number)
        if isinstance(found, Step):
            return found
        reasons.append(found)
    length = "one layer" if skip.target == skip.source + 1 else "several layers"
    return f"{name} ({skip.kind}, around {length}): " + "; ".join(reason for reason in reasons if reason)


def _whole(problem: Problem, number: int) -> Step | str:
    """A skip from the input to the output: the rest fits what it leaves over."""
    network, data = problem.network, problem.data
    skip = network.skips[number]
    if skip.source != 0 or skip.target != network.n_layers:
        return ""
    if skip.kind is SkipKind.IDENTITY:
        moments, eye = with_inputs_taken_off(data), np.eye(data.inputs)
        return Step(
            "identity skip as a change of the targets",
            with_network(
                problem, network.layers, others_of(problem, number), moments, lambda base: Composed(base, beside=eye)
            ),
            lambda weights, _: replace(weights, skips=inserted(weights.skips, number, None)),
            lambda weights: replace(weights, skips=dropped(weights.skips, number)),
            lambda end_map: end_map + eye,
            limit=lambda limit, _: max(limit - float(np.sqrt(data.inputs)), 0.0),
        )
    if skip.weight_decay == 0.0:
        return ""
    return _ridge(problem, number)


def _ridge(problem: Problem, number: int) -> Step:
    """A decayed skip is a ridge regression on what the rest leaves over, which changes the metric of the inputs."""
    network, data = problem.network, problem.data
    decay = network.skips[number].weight_decay
    spectrum = data.spectrum
    values, vectors = np.maximum(spectrum.values, 0.0), spectrum.vectors
    seen = values > 0.0
    roots = np.sqrt(np.where(seen, values, 1.0))
    target = np.where(seen[:, None], spectrum.response / roots[:, None], 0.0)

    def skip_of(end_map: FloatArray) -> FloatArray:
        left = target.T - end_map @ vectors
        best: FloatArray = (left * (values / (values + decay))) @ vectors.T
        return best

    return Step(
        "decayed skip eliminated by ridge regression",
        with_network(
            problem,
            network.layers,
            others_of(problem, number),
            with_ridge_taken_off(data, decay),
            lambda base: Eliminated(base, decay, vectors, values),
        ),
        lambda weights, end_map: replace(
            weights, skips=inserted(weights.skips, number, dense_factor(skip_of(end_map)))
        ),
        lambda weights: replace(weights, skips=dropped(weights.skips, number)),
        lambda end_map: end_map + skip_of(end_map),
        evidence={"skip_decay": decay},
        keeps_decays=False,
        limit=lambda limit, upper: max(limit - float(np.sqrt(upper / decay)), 0.0),
    )


def _block(problem: Problem, number: int) -> str:
    """Why the layers between the ends of a skip are not a block of their own; empty if they are."""
    skips = problem.network.skips
    skip = skips[number]
    for other in others_of(problem, number):
        inside = [skip.source < node < skip.target for node in (other.source, other.target)]
        if any(inside):
            return "another skip begins or ends inside it"
    return ""


def _product(layers: tuple[FactoredMatrix, ...], columns: FloatArray) -> FloatArray:
    for layer in layers:
        columns = apply(layer, columns)
    return columns


def _free_and_longer(problem: Problem, number: int) -> Step | str:
    """A trainable skip without decay does all that the layers around which it leads can do, at no cost."""
    network = problem.network
    skip = network.skips[number]
    start, stop = skip.source, skip.target
    if skip.kind is not SkipKind.TRAINABLE or stop == start + 1:
        return ""
    if skip.weight_decay > 0.0:
        return "the skip is decayed and does not lead from the input to the output"
    if reason := _block(problem, number):
        return reason
    inside = network.layers[start:stop]
    before = problem.data.inputs if start == 0 else network.layers[start - 1].width
    widths = [before, *(layer.width for layer in inside)]
    if all(layer.frozen_weights is not None for layer in inside):
        return "all layers around which it leads are frozen"
    frozen = [None if layer.frozen_weights is None else dense_factor(layer.frozen_weights) for layer in inside]
    off = tuple(
        zero(widths[index + 1], widths[index]) if given is None else given for index, given in enumerate(frozen)
    )
    single = Layer(network.layers[stop - 1].width)

    def project(weights: Weights) -> Weights:
        beside = weights.skips[number]
        around = _product(weights.layers[start:stop], np.eye(before))
        total = around if beside is None else around + beside.dense()
        return Weights(exchanged(weights.layers, start, stop, (dense_factor(total),)), dropped(weights.skips, number))

    return Step(
        "free skip instead of the layers around which it leads",
        with_network(
            problem,
            (*network.layers[:start], single, *network.layers[stop:]),
            _moved(others_of(problem, number), start, stop, 1),
        ),
        lambda weights, _: Weights(
            exchanged(weights.layers, start, start + 1, off), inserted(weights.skips, number, weights.layers[start])
        ),
        project,
        constant=sum(frozen_decay(layer) for layer in inside),
        evidence={"from": start, "to": stop},
    )


def _moved(skips: tuple[Skip, ...], start: int, stop: int, left: int) -> tuple[Skip, ...]:
    """Skips renumbered after the layers between two nodes have become ``left`` layers."""

    def node(old: int) -> int:
        return old if old <= start else old - (stop - start) + left

    return tuple(replace(skip, source=node(skip.source), target=node(skip.target)) for skip in skips)


def _identity_before_free(problem: Problem, number: int) -> Step | str:
    """A residual block next to a layer without decay gains nothing that this layer does not gain at no cost."""
    network = problem.network
    skip = network.skips[number]
    start, stop = skip.source, skip.target
    if skip.kind is not SkipKind.IDENTITY or stop == start + 1 or (start == 0 and stop == network.n_layers):
        return ""
    if reason := _block(problem, number):
        return reason
    inside = network.layers[start:stop]
    if not any(layer.frozen_weights is None for layer in inside):
        return "all layers around which it leads are frozen"
    others = others_of(problem, number)
    behind = stop < network.n_layers and _is_free(network.layers[stop])
    behind = behind and not any(stop in (other.source, other.target) for other in others)
    ahead = start > 0 and _is_free(network.layers[start - 1])
    ahead = ahead and not any(start in (other.source, other.target) for other in others)
    if not behind and not ahead:
        return "no layer next to the block is free of decay and of other skips"
    before = problem.data.inputs if start == 0 else network.layers[start - 1].width
    widths = [before, *(layer.width for layer in inside)]
    off = tuple(
        zero(widths[index + 1], widths[index]) if layer.frozen_weights is None else dense_factor(layer.frozen_weights)
        for index, layer in enumerate(inside)
    )

    def project(weights: Weights) -> Weights:
        block = np.eye(before) + _product(weights.layers[start:stop], np.eye(before))
        layers = list(exchanged(weights.layers, start, stop, ()))
        if behind:
            layers[start] = dense_factor(layers[start].dense() @ block)
        else:
            layers[start - 1] = dense_factor(block @ layers[start - 1].dense())
        return Weights(tuple(layers), dropped(weights.skips, number))

    return Step(
        "residual block beside a free layer switched off",
        with_network(problem, (*network.layers[:start], *network.layers[stop:]), _moved(others, start, stop, 0)),
        lambda weights, _: Weights(exchanged(weights.layers, start, start, off), inserted(weights.skips, number, None)),
        project,
        constant=sum(frozen_decay(layer) for layer in inside),
        evidence={"from": start, "to": stop},
    )


def _is_free(layer: Layer) -> bool:
    return layer.frozen_weights is None and layer.weight_decay == 0.0
