"""Global minima of linear networks as result values, from the singular value decomposition of the product."""

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, Parameters, UniformColumn
from service.core.ground.problems import Problem
from service.core.ground.results import GlobalMinimum, StationaryPoint, Terms
from service.core.losses.expected import fit_of
from service.core.several_outputs.squared_error.quadratic import Quadratic
from service.core.several_outputs.weights.layers import factored_map
from service.vocabulary import Evidence, PointClass, PointKind

UNIQUE = "unique up to orthogonal changes of the hidden coordinates"
ZERO_UNIQUE = "all weights are zero"


def padded(values: FloatArray, length: int) -> FloatArray:
    """Values (r,) with zeros appended up to ``length``."""
    result = np.zeros(length)
    result[: values.size] = values
    return result


def input_noise_variance(problem: Problem, end_to_end_map: FloatArray) -> float:
    """Variance that noise on the inputs gives the prediction of a map (k, d), averaged over the inputs."""
    variance = problem.network.input_noise_variance
    if variance == 0.0:
        return 0.0
    return variance * float(np.sum(end_to_end_map**2, axis=0) @ problem.data.xx.diagonal())


def global_minimum(
    problem: Problem,
    quadratic: Quadratic,
    svd: tuple[FloatArray, FloatArray, FloatArray],
    parameters: Parameters | None,
    uniqueness: str,
    *,
    decay: float,
    hidden_noise: float = 0.0,
    fit: float | None = None,
    attained: bool = True,
) -> GlobalMinimum:
    """Assemble the answer for the map ``left diag(values) right^T``.

    Parameters
    ----------
    problem : Problem
    quadratic : Quadratic
    svd : ((k, r), (r,), (d, r)) arrays
        Of the end-to-end map, positive values only, descending.
    parameters : Parameters or None
    uniqueness : str
    decay : float
        Weight decay at the minimum (its limit where the infimum is not attained).
    hidden_noise : float
        Variance of the prediction made by noise on hidden layers.
    fit : float or None
        Squared error including the part made by input noise, where a formula gives it more precisely.
    attained : bool
    """
    left, values, right = svd
    end_to_end_map = factored_map(left, values, right)
    offset = quadratic.offset(end_to_end_map)
    error = quadratic.fit(end_to_end_map) if fit is None else fit
    input_noise = input_noise_variance(problem, end_to_end_map)
    terms = Terms(max(error - input_noise, 0.0), input_noise + hidden_noise, decay)
    return GlobalMinimum(
        loss=terms.loss,
        terms=terms,
        trivial=values.size == 0,
        attained=attained,
        rank=int(values.size),
        end_to_end_map=end_to_end_map,
        output_offset=offset,
        singular_values=padded(values, min(end_to_end_map.shape)),
        parameters=parameters,
        prediction_variance=terms.noise,
        uniqueness=uniqueness,
        evaluation_fit=None if problem.evaluation is None else fit_of(problem.evaluation, end_to_end_map, offset),
    )


def minimum_point(minimum: GlobalMinimum, evidence: Evidence = Evidence.CERTIFIED) -> StationaryPoint:
    """The minimum found numerically as an entry of the list of stationary points."""
    norm = 0.0
    if minimum.parameters is not None:
        norm = float(np.sqrt(sum(_square(weight) for weight in minimum.parameters.weights)))
    return StationaryPoint(
        PointKind.SINGULAR_SUBSET,
        minimum.loss,
        PointClass.GLOBAL_MINIMUM,
        evidence,
        float(np.linalg.norm(minimum.singular_values)),
        norm,
        {"rank": minimum.rank},
    )


def _square(weight: FactoredMatrix) -> float:
    """Squared Frobenius norm of a matrix in factors, which need not be orthonormal."""
    left, right = _gram(weight.left), _gram(weight.right)
    return float(weight.values @ (left * right) @ weight.values)


def _gram(factor: FloatArray | UniformColumn) -> FloatArray:
    if isinstance(factor, UniformColumn):
        return np.full((1, 1), factor.length * factor.value**2)
    product: FloatArray = factor.T @ factor
    return product
