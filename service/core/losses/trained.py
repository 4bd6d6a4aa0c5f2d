"""Which weights and biases of a network are trained: what gradients, Hessians and ways down are about."""

import numpy as np
import numpy.typing as npt

from service.core.ground.problems import Network
from service.core.losses.dense import DenseParameters, flatten


def is_frozen(network: Network) -> bool:
    """Whether some layer is not trained."""
    return any(layer.frozen_weights is not None for layer in network.layers)


def trained_mask(network: Network, parameters: DenseParameters) -> npt.NDArray[np.bool_]:
    """For every number, in the order of `service.core.losses.dense.flatten`, whether it is trained, shape (P,)."""
    weights = tuple(
        np.full(weight.shape, layer.frozen_weights is None)
        for layer, weight in zip(network.layers, parameters.weights, strict=True)
    )
    biases = tuple(None if bias is None else np.ones(bias.shape, dtype=bool) for bias in parameters.biases)
    mask: npt.NDArray[np.bool_] = flatten(DenseParameters(weights, biases))
    return mask
