"""What is said about the ranks of a network."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.core.data_facts.max_margin import Separability
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.rules import Finding
from service.core.ranks.invariants import Invariant
from service.core.ranks.rule import Application
from service.vocabulary import RankKind


@dataclass(frozen=True)
class Prediction:
    """The rank of one matrix, or of the end-to-end map.

    Attributes
    ----------
    shape : (int, int)
    rank : int or None
        Only where it is proved to be exactly that.
    upper_bound : int or None
        From rules whose every hypothesis holds, at most the smaller side.
    conditional_upper_bound : int or None
        From rules with an unknown hypothesis or an unconfirmed source, where it is lower than `upper_bound`.
    kind : RankKind
        Of the statement that decides.
    rule : str or None
        What decides `rank` or `upper_bound`; None where only the shape does.
    conditional_rule : str or None
    findings : tuple of Finding
        Hypotheses of the deciding rule, or of the conditional one where no other says anything.
    certificate : str
        Quantity to measure during training.
    reasons : mapping of str to str
    """

    shape: tuple[int, int]
    rank: int | None
    upper_bound: int | None
    conditional_upper_bound: int | None
    kind: RankKind
    rule: str | None
    conditional_rule: str | None
    findings: tuple[Finding, ...]
    certificate: str
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class LayerProgress:
    """How far one matrix has come, one entry for each snapshot.

    Attributes
    ----------
    norms, stable_ranks : tuple of float or None
    singular_values : tuple of (m,) arrays
    tails : tuple of float
        Sum of the squared singular values beyond the predicted rank.
    tail_bound : float or None
        What the start allows the tail to be at all times, for layers of the linear end.
    stable_rank_bounds : tuple of float or None
    alignments : tuple of float or None
        Squared cosine of its left with the right leading vector of the next matrix.
    alignment_bounds : tuple of float or None
        Lower bound on them.
    reasons : mapping of str to str
    """

    norms: tuple[float, ...]
    stable_ranks: tuple[float | None, ...]
    singular_values: tuple[FloatArray, ...]
    tails: tuple[float, ...]
    tail_bound: float | None
    stable_rank_bounds: tuple[float | None, ...]
    alignments: tuple[float | None, ...]
    alignment_bounds: tuple[float | None, ...]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class MeasuredInvariant:
    """An invariant with its value at the first snapshot and its drift at each; None where these are not known."""

    invariant: Invariant
    value: FloatArray | None
    drifts: tuple[float, ...] | None


@dataclass(frozen=True)
class RankAnswer:
    """Everything that is said about ranks."""

    layers: tuple[Prediction, ...]
    end_to_end: Prediction
    applications: tuple[Application, ...]
    separability: Separability
    invariants: tuple[MeasuredInvariant, ...]
    progress: tuple[LayerProgress, ...]
    solver: str | None
    reasons: Mapping[str, str]
