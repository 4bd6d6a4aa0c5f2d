"""Objectives written down from their definitions, densely, sharing nothing with the solvers and reductions."""

from dataclasses import dataclass, replace

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import Parameters
from service.core.ground.problems import Moments, Problem, Samples
from service.core.models.linear_vae import LinearVae
from service.vocabulary import Bias, SkipKind


@dataclass(frozen=True)
class Written:
    """The objective of a linear network written down from its definition, densely and on the samples themselves.

    Frozen layers, skips, biases, weights of the error and noise on the inputs; no hidden noise.
    """

    problem: Problem

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of what is trained: layers, then skips, then biases as columns."""
        network = self.problem.network
        widths = [self.problem.data.inputs, *(layer.width for layer in network.layers)]
        shapes = [
            (widths[index + 1], widths[index])
            for index, layer in enumerate(network.layers)
            if layer.frozen_weights is None
        ]
        shapes += [
            (widths[skip.target], widths[skip.source]) for skip in network.skips if skip.kind is SkipKind.TRAINABLE
        ]
        return shapes + [(widths[index + 1], 1) for index in network.bias_layers]

    @property
    def size(self) -> int:
        """Number of trained parameters."""
        return sum(rows * columns for rows, columns in self.shapes)

    def value_and_gradient(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient by going forward and back through the network on every sample."""
        network, samples = self.problem.network, self.problem.samples
        assert samples is not None
        layers, skips, biases = self._assigned(self._unpacked(point))
        nodes = self._nodes(samples.x.T, layers, skips, biases)
        misfit = (nodes[-1] - samples.y.T) * self._error_weights()
        loss = float(np.sum(misfit * (nodes[-1] - samples.y.T))) / samples.x.shape[0]
        slopes = self._slopes(2.0 / samples.x.shape[0] * misfit, nodes, layers, skips)
        pieces: list[tuple[float, FloatArray, FloatArray]] = [
            (layer.weight_decay, own, slopes[index + 1] @ nodes[index].T)
            for index, (layer, own) in enumerate(zip(network.layers, layers, strict=True))
        ]
        trained = [layer.frozen_weights is None for layer in network.layers]
        pieces += [
            (skip.weight_decay, own, slopes[skip.target] @ nodes[skip.source].T)
            for skip, own in zip(network.skips, skips, strict=True)
            if own is not None
        ]
        trained += [True] * (len(pieces) - len(trained))
        loss += sum(decay * float(np.sum(own**2)) for decay, own, _ in pieces)
        gradients = [
            slope + 2.0 * decay * own for (decay, own, slope), free in zip(pieces, trained, strict=True) if free
        ]
        gradients += [np.sum(slopes[index + 1], axis=1, keepdims=True) for index in network.bias_layers]
        if network.input_noise_variance:
            extra, turned = self._input_noise(layers, skips)
            loss += extra
            for number, slope in enumerate(turned):
                gradients[number] = gradients[number] + slope
        return loss, np.concatenate([gradient.ravel() for gradient in gradients])

    def _nodes(
        self,
        inputs: FloatArray,
        layers: list[FloatArray],
        skips: list[FloatArray | None],
        biases: list[FloatArray | None],
    ) -> list[FloatArray]:
        nodes = [inputs]
        for index, (weight, bias) in enumerate(zip(layers, biases, strict=True)):
            value = weight @ nodes[-1]
            for skip, own in zip(self.problem.network.skips, skips, strict=True):
                if skip.target == index + 1:
                    value = value + (nodes[skip.source] if own is None else own @ nodes[skip.source])
            nodes.append(value if bias is None else value + bias)
        return nodes

    def _slopes(
        self, last: FloatArray, nodes: list[FloatArray], layers: list[FloatArray], skips: list[FloatArray | None]
    ) -> list[FloatArray]:
        slopes: list[FloatArray] = [np.zeros_like(node) for node in nodes[:-1]] + [last]
        for index in range(len(layers) - 1, -1, -1):
            slopes[index] = slopes[index] + layers[index].T @ slopes[index + 1]
            for skip, own in zip(self.problem.network.skips, skips, strict=True):
                if skip.source == index:
                    beside = slopes[skip.target] if own is None else own.T @ slopes[skip.target]
                    slopes[index] = slopes[index] + beside
        return slopes

    def _unpacked(self, point: FloatArray) -> list[FloatArray]:
        pieces, at = [], 0
        for rows, columns in self.shapes:
            pieces.append(point[at : at + rows * columns].reshape(rows, columns))
            at += rows * columns
        return pieces

    def _assigned(
        self, pieces: list[FloatArray]
    ) -> tuple[list[FloatArray], list[FloatArray | None], list[FloatArray | None]]:
        network, rest = self.problem.network, list(pieces)
        layers = [rest.pop(0) if layer.frozen_weights is None else layer.frozen_weights for layer in network.layers]
        skips = [rest.pop(0) if skip.kind is SkipKind.TRAINABLE else None for skip in network.skips]
        biases = [rest.pop(0) if network.has_bias(index) else None for index in range(network.n_layers)]
        return layers, skips, biases

    def _error_weights(self) -> FloatArray:
        samples = self.problem.samples
        return np.ones((1, 1)) if samples is None or samples.weights is None else samples.weights.T

    def _input_noise(self, layers: list[FloatArray], skips: list[FloatArray | None]) -> tuple[float, list[FloatArray]]:
        """Variance of the prediction by noise on the inputs, and its slopes: the same network on noise alone."""
        network, samples = self.problem.network, self.problem.samples
        assert samples is not None
        count = self.problem.data.inputs
        plain = replace(network, input_noise_variance=0.0, bias=Bias.NONE)
        plain = replace(
            plain,
            layers=tuple(replace(layer, weight_decay=0.0) for layer in plain.layers),
            skips=tuple(replace(skip, weight_decay=0.0) for skip in plain.skips),
        )
        # one sample for each input, its error weighted by the mean square of that input under each output's weights
        errors = np.broadcast_to(self._error_weights().T, samples.y.shape)
        weights = (samples.x**2).T @ errors / samples.x.shape[0]
        alone_at = np.eye(count) * np.sqrt(network.input_noise_variance * count)
        noise = Samples(alone_at, np.zeros((count, network.outputs)), weights)
        alone = Written(replace(self.problem, network=plain, samples=noise))
        pieces = [own for layer, own in zip(network.layers, layers, strict=True) if layer.frozen_weights is None]
        pieces += [own for own in skips if own is not None]
        value, gradient = alone.value_and_gradient(np.concatenate([piece.ravel() for piece in pieces]))
        return value, alone._unpacked(gradient)


def packed(problem: Problem, parameters: Parameters) -> FloatArray:
    """The trained parameters of an answer in one vector."""
    pieces = [
        own.dense()
        for layer, own in zip(problem.network.layers, parameters.weights, strict=True)
        if layer.frozen_weights is None
    ]
    pieces += [own.dense() for own in (*parameters.skips, *parameters.biases) if own is not None]
    return np.concatenate([piece.ravel() for piece in pieces])


@dataclass(frozen=True)
class EvidenceBound:
    """The negative evidence bound of a linear variational autoencoder, written down from its definition."""

    model: LinearVae
    moments: Moments

    @property
    def size(self) -> int:
        """Number of parameters: decoder, encoder, logarithms of the latent variances and of a learned one."""
        outputs, inputs, latent = self.moments.outputs, self.moments.inputs, self.model.latent
        return latent * (outputs + inputs + 1) + (self.model.decoder_variance is None)

    def value_and_gradient(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Bound and gradient."""
        data, latent, beta = self.moments, self.model.latent, self.model.beta
        edge = data.outputs * latent
        decoder = point[:edge].reshape(data.outputs, latent)
        encoder = point[edge : edge + latent * data.inputs].reshape(latent, data.inputs)
        noise = np.exp(point[edge + latent * data.inputs :][:latent])
        given = self.model.decoder_variance
        variance = float(np.exp(point[-1])) if given is None else given
        misfit = decoder @ encoder @ data.xx - data.xy.T
        error = float(np.sum(decoder @ encoder * (misfit - data.xy.T))) + data.yy + float(np.sum(decoder**2 * noise))
        spread = np.sum((encoder @ data.xx) * encoder, axis=1)
        value = error / (2.0 * variance) + 0.5 * beta * float(np.sum(spread + noise - 1.0 - np.log(noise)))
        slopes = [
            (misfit @ encoder.T + decoder * noise) / variance,
            decoder.T @ misfit / variance + beta * encoder @ data.xx,
            0.5 * (noise * (np.sum(decoder**2, axis=0) / variance + beta) - beta),
        ]
        if given is None:
            value += 0.5 * data.outputs * float(np.log(variance))
            slopes.append(np.array([0.5 * data.outputs - error / (2.0 * variance)]))
        return value, np.concatenate([slope.ravel() for slope in slopes])
