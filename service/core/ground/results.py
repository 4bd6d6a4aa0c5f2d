"""What is answered: plain frozen values in the core's convention, independent of how they are sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import Parameters
from service.core.ground.rules import Finding
from service.vocabulary import Evidence, PointClass, PointKind, Status


@dataclass(frozen=True, slots=True)
class Terms:
    """The loss, split: squared error of the mean prediction, variance by noise, weight decay."""

    fit: float
    noise: float
    decay: float

    @property
    def loss(self) -> float:
        """Sum of the three."""
        return self.fit + self.noise + self.decay


@dataclass(frozen=True, slots=True)
class GlobalMinimum:
    """The global minimum, or the infimum where it is not attained.

    Attributes
    ----------
    loss : float
    terms : Terms
    trivial : bool
        Whether the zero map is a global minimiser.
    attained : bool
    rank : int
        Rank of the end-to-end map.
    end_to_end_map : (k, d) array
        Mean prediction as a linear map of the input.
    output_offset : (k,) array
        Mean prediction at x = 0; zero without a bias.
    singular_values : (min(k, d),) array
    parameters : Parameters or None
        ``None`` where the infimum is not attained.
    prediction_variance : float
        Mean over the inputs of the variance of the prediction under noise.
    uniqueness : str
    evaluation_fit : float or None
        Mean squared error of the mean prediction on the evaluation data.
    """

    loss: float
    terms: Terms
    trivial: bool
    attained: bool
    rank: int
    end_to_end_map: FloatArray
    output_offset: FloatArray
    singular_values: FloatArray
    parameters: Parameters | None
    prediction_variance: float
    uniqueness: str
    evaluation_fit: float | None = None


@dataclass(frozen=True, slots=True)
class StationaryPoint:
    """A stationary point, or a family of them with the same loss and class.

    Attributes
    ----------
    kind : PointKind
    loss : float
    point_class : PointClass
    evidence : Evidence
        How the class is known.
    norm : float
        Frobenius norm of the end-to-end map.
    parameter_norm : float
        Norm of all weights.
    label : mapping
        What distinguishes points of one kind (active widths, singular subset), ready for JSON.
    """

    kind: PointKind
    loss: float
    point_class: PointClass
    evidence: Evidence
    norm: float
    parameter_norm: float
    label: Mapping[str, int | float | str | list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of the global minimiser as all decays are multiplied by ``decay_scale``."""

    decay_scale: float
    order: int
    norm_before: float
    norm_after: float


THRESHOLDS: Final = (
    "critical_decay_scale",
    "metastable_up_to_decay_scale",
    "critical_noise_variance",
    "critical_noise_scale",
    "transition_order",
)
"""The numbers of `Thresholds`, each of which may be missing for a reason."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the global minimum changes its nature; a missing number has an entry in ``reasons``."""

    critical_decay_scale: float | None
    metastable_up_to_decay_scale: float | None
    critical_noise_variance: float | None
    critical_noise_scale: float | None
    transition_order: int | None
    transitions: tuple[Transition, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def none(cls, reasons: Mapping[str, str]) -> "Thresholds":
        """No number and no transition, with the reason of each that is missing."""
        return cls(None, None, None, None, None, (), reasons)


@dataclass(frozen=True, slots=True)
class Origin:
    """The point where all weights are zero (biases at their best); numbers as in `Thresholds`."""

    point_class: PointClass
    least_hessian_eigenvalue: float | None
    barrier_height: float | None
    escape_norm: float | None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Solution:
    """What a solver found, before it is certified.

    Attributes
    ----------
    solver : str
    theorems : tuple of str
        Ids of the catalogue rows that it rests on.
    minimum : GlobalMinimum
    stationary_points : tuple of StationaryPoint
    completeness : str
        Whether the list of stationary points is proved to be complete.
    thresholds : Thresholds
    origin : Origin
    """

    solver: str
    theorems: tuple[str, ...]
    minimum: GlobalMinimum
    stationary_points: tuple[StationaryPoint, ...]
    completeness: str
    thresholds: Thresholds
    origin: Origin


@dataclass(frozen=True, slots=True)
class Check:
    """A quantity that must not exceed a tolerance.

    ``scales_with_loss`` says that both numbers change with the convention of the objective.
    """

    name: str
    value: float
    tolerance: float
    scales_with_loss: bool = False

    @property
    def passed(self) -> bool:
        """Whether the value is within the tolerance (a NaN is not)."""
        return self.value <= self.tolerance


@dataclass(frozen=True, slots=True)
class Certificate:
    """Evidence for a minimum that shares nothing with the search for it.

    Attributes
    ----------
    upper_bound : float
        Exact loss of the returned weights.
    lower_bound : float
        All weights have at least this loss, all rounding counted.
    relative_gap : float
        ``(upper - lower) / max(|upper|, 1e-6 yy)``, yy about the mean where a bias makes the mean free.
    tolerance : float
        Gap below which the minimum counts as certified.
    method : str
    rounding_allowance : float
        What rounding can amount to in both bounds; counted in them already.
    checks : tuple of Check
    terms : Terms or None
        Loss of the returned weights, split, to nearest.
    norm_limit : float or None
        The lower bound holds for end-to-end maps of Frobenius norm up to this; None where it holds for all.
    """

    upper_bound: float
    lower_bound: float
    relative_gap: float
    tolerance: float
    method: str
    rounding_allowance: float
    checks: tuple[Check, ...]
    terms: Terms | None = None
    norm_limit: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the gap is closed and every check passed."""
        return self.relative_gap <= self.tolerance and all(check.passed for check in self.checks)


def weights_missing(minimum: GlobalMinimum) -> tuple[Check, ...]:
    """A failed check if a minimum is claimed to be attained, but not by which weights."""
    claimed = minimum.attained and minimum.parameters is None
    return (Check("weights_given", 1.0, 0.0),) if claimed else ()


@dataclass(frozen=True, slots=True)
class Minima:
    """A solution with its certificate and the hypotheses that were checked."""

    status: Status
    solution: Solution
    certificate: Certificate
    hypotheses: tuple[Finding, ...]
    condition_number: float
    rank_tolerance: float
    reductions: tuple[str, ...] = ()
