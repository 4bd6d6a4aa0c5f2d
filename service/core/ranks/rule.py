"""A rank rule: hypotheses, what it then says of each weight matrix, and what certifies it during training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from service.core.ground.rules import Finding, Judgement, Tristate, conjunction
from service.core.ranks.setting import Setting
from service.vocabulary import RankKind, TheoremStatus


@dataclass(frozen=True, slots=True)
class Condition:
    """A named condition on a setting."""

    name: str
    check: Callable[[Setting], Judgement]


@dataclass(frozen=True, slots=True)
class RankClaim:
    """What a rule says of one weight matrix.

    Attributes
    ----------
    bound : int
        Upper bound of the rank.
    exact : bool
        Whether the rank is that number and no less.
    """

    bound: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class RankRule:
    """A row of the table of rank rules.

    Law: where every hypothesis holds, each claim is true in the stated sense (`kind`); where one is false
    the rule is silent; where one is unknown, or the rule itself is unconfirmed, its claims are conditional.

    Attributes
    ----------
    id : str
    title, statement, source : str
    status : TheoremStatus
    kind : RankKind
    conditions : tuple of Condition
    claims : callable
        Claims by 1-based layer; called only where no hypothesis is false.
    certificate : str
        The quantity to measure during training to see whether it comes true.
    page : str
    holds : Setting
        A case in which no hypothesis is false.
    breaks : mapping of str to Setting
        For each hypothesis, by name, a case that breaks it alone.
    not_decidable : mapping of str to str
        Hypotheses that no prediction can decide, with the reason: they are never true or false.
    numbers : callable or None
        Further quantities of the rule, for rules that do not bound single matrices.
    covers_convolutions : bool
        Whether it also holds where layers share kernels between places.
    """

    id: str
    title: str
    statement: str
    source: str
    status: TheoremStatus
    kind: RankKind
    conditions: tuple[Condition, ...]
    claims: Callable[[Setting], Mapping[int, RankClaim]]
    certificate: str
    page: str
    holds: Setting
    breaks: Mapping[str, Setting]
    not_decidable: Mapping[str, str] = field(default_factory=dict)
    numbers: Callable[[Setting], Mapping[str, float]] | None = None
    covers_convolutions: bool = False


@dataclass(frozen=True)
class Application:
    """A rule on one setting.

    Attributes
    ----------
    rule : RankRule
    findings : tuple of Finding
    applies : bool or None
        False if a hypothesis fails; None if one is unknown or the rule is unconfirmed.
    claims : mapping of int to RankClaim
        Empty where it does not apply.
    numbers : mapping of str to float
    """

    rule: RankRule
    findings: tuple[Finding, ...]
    applies: Tristate
    claims: Mapping[int, RankClaim]
    numbers: Mapping[str, float]


def apply(rule: RankRule, setting: Setting) -> Application:
    """Check every hypothesis of a rule and collect its claims unless one is false."""
    if setting.graph.has_convolutions and not rule.covers_convolutions:
        return Application(rule, (Finding("dense layers", _shared_kernels(setting)),), False, {}, {})
    findings = tuple(Finding(condition.name, condition.check(setting)) for condition in rule.conditions)
    applies = conjunction(findings)
    if applies is False:
        return Application(rule, findings, False, {}, {})
    if rule.status is TheoremStatus.UNCONFIRMED:
        applies = None
    numbers = {} if rule.numbers is None else rule.numbers(setting)
    return Application(rule, findings, applies, rule.claims(setting), numbers)


def _shared_kernels(setting: Setting) -> Judgement:
    layers = [number for number, row in enumerate(setting.problem.network.layers, start=1) if row.convolution]
    return Judgement(False, {"convolution": layers[0]}, f"layer {layers[0]} is a convolution")


def no_claims(_setting: Setting) -> Mapping[int, RankClaim]:
    """Claims of a rule that informs about more than single matrices."""
    return {}
