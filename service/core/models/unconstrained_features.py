"""Neural collapse: free features under a deep linear head with weight decay and squared loss on one-hot labels.

The features are one more layer on white inputs, so that the factorisation with unequal decays decides which classes
are learned.  Tirer, Bruna (2022); Dang et al. (2023).  See ``docs/theory/unconstrained-features.md``.
"""

from dataclasses import dataclass

import numpy as np

from service.core.arrays import FloatArray
from service.core.linear.lane_points import TIE_TOLERANCE, Lanes
from service.core.linear.scalar_bounds import scalar_bounds
from service.core.linear.shrinkage import Shrinkage
from service.core.results import Terms
from service.errors import FieldProblem, InputError


@dataclass(frozen=True)
class FeatureModel:
    """``E||W_L .. W_1 h + b - y||^2 + g_H sum_i ||h_i||^2 + sum g_l ||W_l||^2`` over features and weights.

    Attributes
    ----------
    class_counts : tuple of int
        Samples of each class, at least 1.
    feature_width : int
        Length of a feature vector.
    hidden_widths : tuple of int
        Outputs of the layers of the head but the last, which has one for each class.
    feature_decay : float
        g_H > 0 of the core's convention: the mean of the errors, the sum of the decays.
    weight_decays : tuple of float
        g_1 .. g_L > 0, from the features to the outputs.
    bias : bool
        Whether the outputs have a bias free of decay.
    """

    class_counts: tuple[int, ...]
    feature_width: int
    hidden_widths: tuple[int, ...]
    feature_decay: float
    weight_decays: tuple[float, ...]
    bias: bool = False

    def check(self) -> None:
        """Raise `InputError` naming what is out of range."""
        problems: list[FieldProblem] = []
        if not self.class_counts or min(self.class_counts) < 1:
            problems.append(FieldProblem(("network", "class_counts"), "must hold counts of at least 1"))
        if min((self.feature_width, *self.hidden_widths)) < 1:
            problems.append(FieldProblem(("network", "layers"), "must have widths of at least 1"))
        if not (np.isfinite(self.feature_decay) and self.feature_decay > 0.0):
            problems.append(FieldProblem(("network", "feature_weight_decay"), "must be positive"))
        if len(self.weight_decays) != len(self.hidden_widths) + 1:
            problems.append(FieldProblem(("network", "layers"), "must have one decay for each layer of the head"))
        elif min(self.weight_decays) <= 0.0:
            problems.append(FieldProblem(("network", "layers"), "must have positive decays"))
        if problems:
            raise InputError(problems)

    @property
    def samples(self) -> int:
        """Number of samples N."""
        return sum(self.class_counts)

    def target(self) -> FloatArray:
        """Labels as a (K, K) matrix acting on normalised class indicators, centred where there is a bias."""
        counts = np.array(self.class_counts, dtype=float)
        target = np.diag(np.sqrt(counts))
        if self.bias:
            target = target - np.outer(counts, np.sqrt(counts)) / self.samples
        scaled: FloatArray = target / np.sqrt(self.samples)
        return scaled

    def lanes(self, values: FloatArray) -> Lanes:
        """The separate scalar problems for singular values ``values`` of the target."""
        decays = np.array([self.samples * self.feature_decay, *self.weight_decays])
        bound = min(self.feature_width, *self.hidden_widths, len(self.class_counts))
        targets = tuple(float(value) for value in values)
        return Lanes(Shrinkage.of(decays), targets, bound, 0.0, 1.0, float(np.sum(1.0 / decays)))


@dataclass(frozen=True, slots=True)
class FeatureSolution:
    """The global minimum.

    Attributes
    ----------
    loss : float
    terms : Terms
    learned : tuple of bool
        Whether a class has a feature mean other than zero (after the bias, where there is one).
    count_threshold : float
        Without a bias a class is learned iff it is among the largest that fit through the head and has more samples.
    decay_scales : tuple of float
        Factors on all decays at which singular directions vanish, ascending.
    rank : int
    class_means : (feature_width, K) array
        The feature of every sample of a class: features do not vary within one.
    logits : (K, K) array
        Outputs for a sample of each class (columns), bias included.
    bias : (K,) array
    weights : tuple of arrays
        The layers of the head.
    feature_norms : (K,) array
    cosines : (K, K) array
        Between class means; zero where a mean is zero.
    lower_bound : float
        From the singular values of the labels alone; equals the loss up to rounding.
    uniqueness : str
    """

    loss: float
    terms: Terms
    learned: tuple[bool, ...]
    count_threshold: float
    decay_scales: tuple[float, ...]
    rank: int
    class_means: FloatArray
    logits: FloatArray
    bias: FloatArray
    weights: tuple[FloatArray, ...]
    feature_norms: FloatArray
    cosines: FloatArray
    lower_bound: float
    uniqueness: str


def solve_features(model: FeatureModel) -> FeatureSolution:
    """Global minimum of the unconstrained-features model.

    Raises
    ------
    InputError
        If a count, width or decay is out of range.

    Notes
    -----
    O(K^3) for K classes, whatever the number of samples.
    """
    model.check()
    left, values, right = np.linalg.svd(model.target())
    values = np.where(values > 1e-14 * values[0], values, 0.0)
    lanes = model.lanes(values)
    count = len(lanes.active)
    shares = np.array([root.lane for root in lanes.active])
    counts = np.array(model.class_counts, dtype=float)
    first = shares / np.sqrt(model.samples * model.feature_decay)
    # features per sample: the factor of the normalised indicator spread over the samples of a class
    means = np.eye(model.feature_width, count) @ (first[:, None] * right[:count]) * np.sqrt(model.samples / counts)
    frames = [np.eye(width, count) for width in (model.feature_width, *model.hidden_widths)] + [left[:, :count]]
    weights = tuple(
        (frames[index + 1] * (shares / np.sqrt(decay))) @ frames[index].T
        for index, decay in enumerate(model.weight_decays)
    )
    outputs = means
    for weight in weights:
        outputs = weight @ outputs
    bias = np.zeros(counts.size)
    if model.bias:
        bias = counts / model.samples - outputs @ (counts / model.samples)
    logits = outputs + bias[:, None]
    fit = float(np.sum((logits - np.eye(counts.size)) ** 2 @ counts)) / model.samples
    decay = model.feature_decay * float(np.sum(means**2 @ counts))
    decay += sum(g * float(np.sum(weight**2)) for g, weight in zip(model.weight_decays, weights, strict=True))
    norms = np.linalg.norm(means, axis=0)
    unit = means / np.where(norms > 0.0, norms, 1.0)
    return FeatureSolution(
        lanes.least_loss,
        Terms(fit, 0.0, decay),
        tuple(bool(norm > 1e-12 * max(float(norms.max()), 1e-300)) for norm in norms),
        model.samples * lanes.shrinkage.global_threshold**2,
        tuple(transition.decay_scale for transition in lanes.transitions()),
        count,
        means,
        logits,
        bias,
        weights,
        norms,
        unit.T @ unit,
        _lower_bound(model, values, lanes.bound),
        _uniqueness(lanes),
    )


def _lower_bound(model: FeatureModel, values: FloatArray, bound: int) -> float:
    """Singular values paired in order, each bounded by a tangent; shares nothing with the roots."""
    decays = np.array([model.samples * model.feature_decay, *model.weight_decays])
    penalty = decays.size * float(np.exp(np.mean(np.log(decays))))
    parts = scalar_bounds(values[:bound], penalty, 2.0 / decays.size)
    return float(np.sum(parts) + np.sum(values[bound:] ** 2))


def _uniqueness(lanes: Lanes) -> str:
    targets, count = lanes.targets, len(lanes.active)
    if (
        count == lanes.bound
        and count < len(targets)
        and targets[count - 1] - targets[count] <= TIE_TOLERANCE * targets[0]
    ):
        return "not unique: classes of equal size tie at the bottleneck, any subspace of theirs is optimal"
    return "unique up to rotations of the features and of the hidden coordinates"
