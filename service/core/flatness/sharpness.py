"""The largest Hessian eigenvalue at the weights of a minimum, whatever their widths."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from service.core.curvature.hessian import dense_hessian, hessian_product, top_eigenvalue_of
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, columns_of
from service.core.ground.problems import Problem
from service.core.losses.dense import DenseParameters
from service.core.losses.trained import is_frozen, trained_mask
from service.errors import LimitExceeded
from service.vocabulary import Evidence

DENSE: Final = 600
"""Parameters up to which all eigenvalues are computed."""
LARGEST: Final = 30_000
"""Parameters up to which Lanczos looks for the largest one."""
_ABSENT: Final = 1e-13


@dataclass(frozen=True, slots=True)
class Sharpness:
    """A largest eigenvalue and how it is known.

    Attributes
    ----------
    value : float
    evidence : Evidence
        `certified` where all eigenvalues were computed; `observed` for one of Lanczos, which is an eigenvalue to
        rounding, and very likely the largest.
    spectrum : (P,) array or None
        All eigenvalues, descending, where they were computed.
    """

    value: float
    evidence: Evidence
    spectrum: FloatArray | None = None


def sharpness_at(problem: Problem, parameters: Parameters) -> Sharpness | None:
    """Largest eigenvalue of the Hessian in all trained weights and biases; `None` where Lanczos does not converge.

    Parameters
    ----------
    problem : Problem
        Of a linear network without skips, under squared loss.
    parameters : Parameters
        In factored form; without hidden noise a width of a million is no wider than what its layers use.

    Raises
    ------
    LimitExceeded
        Beyond 30,000 parameters, what layers do not use left out.

    Notes
    -----
    O(P^3) up to 600 parameters, then some hundred gradients.
    """
    return sharpness_of(*used_point(problem, parameters))


def used_point(problem: Problem, parameters: Parameters) -> tuple[Problem, DenseParameters]:
    """The same point of a network whose hidden layers have what the layers around them use, and one unit more.

    Layers with noise, frozen ones and those with biases keep their widths, and so do all beside them.

    Raises
    ------
    LimitExceeded
        If more than 30,000 parameters are left.
    """
    rotates = not (np.any(problem.network.noise_variances) or is_frozen(problem.network))
    if rotates and all(bias is None for bias in parameters.biases[:-1]):
        return _narrowed(problem, parameters)
    if sum(rows * columns for rows, columns in (weight.shape for weight in parameters.weights)) > LARGEST:
        raise _too_many()
    return problem, _dense(parameters)


def sharpness_of(problem: Problem, point: DenseParameters) -> Sharpness | None:
    """The same for dense parameters of the widths of the network."""
    trained = trained_mask(problem.network, point)
    if trained.size <= DENSE:
        values = np.linalg.eigvalsh(dense_hessian(problem, point))
        return Sharpness(float(values[-1]), Evidence.CERTIFIED, np.asarray(values[::-1]))
    if trained.size > LARGEST:
        raise _too_many()
    found = top_eigenvalue_of(lambda vector: hessian_product(problem, point, vector), trained)
    return None if found is None else Sharpness(found, Evidence.OBSERVED)


def _narrowed(problem: Problem, parameters: Parameters) -> tuple[Problem, DenseParameters]:
    """Hidden layers in orthonormal frames of what is used.

    A rotation of a hidden layer without noise changes no eigenvalue, and all units that nothing uses have the same.
    """
    weights = parameters.weights
    frames = [_frame(before, after) for before, after in pairwise(weights)]
    layers, narrow = list(problem.network.layers), []
    for index, weight in enumerate(weights):
        left, right = columns_of(weight.left), columns_of(weight.right)
        if index < len(frames):
            left = frames[index].T @ left
            layers[index] = replace(layers[index], width=frames[index].shape[1])
        right = frames[index - 1].T @ right if index else right
        narrow.append((left * weight.values) @ right.T)
    biases = tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases)
    network = replace(problem.network, layers=tuple(layers))
    return replace(problem, network=network), DenseParameters(tuple(narrow), biases)


def _frame(before: FactoredMatrix, after: FactoredMatrix) -> FloatArray:
    """Orthonormal columns (H, q) over what a layer receives and what the next one reads, and one more where it fits."""
    columns = np.column_stack([columns_of(before.left) * before.values, columns_of(after.right) * after.values])
    used, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    used = used[:, sizes > _ABSENT * max(float(sizes.max(initial=0.0)), 1e-300)]
    width, rank = used.shape
    if rank == width:
        return used
    # the first unit vector that is not in the span, cleared of it
    rest = 1.0 - np.sum(used[: rank + 1] ** 2, axis=1)
    spare = np.zeros(width)
    spare[int(rest.argmax())] = 1.0
    for _ in range(2):
        spare = spare - used @ (used.T @ spare)
    return np.column_stack([used, spare / np.linalg.norm(spare)])


def _too_many() -> LimitExceeded:
    return LimitExceeded(("network", "layers"), "sharpness", LARGEST, "parameters")


def _dense(parameters: Parameters) -> DenseParameters:
    return DenseParameters(
        tuple(weight.dense() for weight in parameters.weights),
        tuple(None if bias is None else bias.dense()[:, 0] for bias in parameters.biases),
    )
