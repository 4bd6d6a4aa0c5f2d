"""From a setting to the rank of every weight matrix: every rule is asked, the strongest statements win."""

from dataclasses import dataclass

import numpy as np

from service.core.catalogue import RANK_RULES
from service.core.data_facts.geometry import rank_of
from service.core.dispatch import solve
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.parameters import FactoredMatrix, UniformColumn
from service.core.ground.results import Minima
from service.core.ground.rules import Finding
from service.core.ranks.progress import measured_invariants, progress_of
from service.core.ranks.results import Prediction, RankAnswer
from service.core.ranks.rule import Application, apply
from service.core.ranks.setting import Setting
from service.errors import LimitExceeded, NotCovered, NumericalError
from service.vocabulary import Dynamics, Loss, RankKind, Status

NOTHING_SAID = "no rule whose hypotheses all hold gives the exact rank"


@dataclass(frozen=True)
class _Candidate:
    """One claim about one matrix with what stands behind it."""

    bound: int
    exact: bool
    kind: RankKind
    rule: str
    findings: tuple[Finding, ...]
    certificate: str


def predict(setting: Setting) -> RankAnswer:
    """Ask every rule, and the solvers where training ends at the global minimum.

    Notes
    -----
    Without snapshots the work is that of the facts about the data: a least-norm problem and a Gram matrix.
    """
    applications = tuple(apply(rule, setting) for rule in RANK_RULES)
    minima, reason = _solved(setting)
    layers = tuple(
        _combined(setting, layer, applications, _from_solver(minima, layer)) for layer in range(1, setting.n_layers + 1)
    )
    return RankAnswer(
        layers=layers,
        end_to_end=_end_to_end(setting, layers, minima),
        applications=applications,
        separability=setting.separability,
        invariants=measured_invariants(setting),
        progress=progress_of(setting, layers),
        solver=None if minima is None else minima.solution.solver,
        reasons=_reasons(setting, reason),
    )


def _reasons(setting: Setting, no_solver: str) -> dict[str, str]:
    reasons = {"solver": no_solver} if no_solver else {}
    if setting.snapshots and setting.snapshots[0].norm == 0.0:
        reasons["snapshots"] = "all weights start at zero: no gradient moves them, and their direction is undefined"
    elif setting.dead_layer is not None:
        reasons["snapshots"] = f"layer {setting.dead_layer} is inactive on every sample: no gradient passes it"
    return reasons


def _solved(setting: Setting) -> tuple[Minima | None, str]:
    """The exact global minimum where training is said to end there and a solver covers it."""
    if setting.training.dynamics is not Dynamics.GLOBAL_MINIMUM:
        return None, "training is not said to end at the global minimum"
    if setting.problem.moments is None or setting.problem.loss is not Loss.SQUARED or setting.graph.has_convolutions:
        return None, "the solvers need data, squared loss and dense layers"
    try:
        minima = solve(setting.problem)
    except (LimitExceeded, NotCovered, NumericalError) as error:
        return None, error.detail
    if minima.status is Status.BOUNDED:
        return None, "the solver leaves a gap, so that ranks are not certain"
    if not np.all(setting.problem.network.weight_decays > 0.0):
        return None, "without decay on every layer the minimum has factors of many ranks"
    return minima, ""


def _from_solver(minima: Minima | None, layer: int) -> _Candidate | None:
    if minima is None or minima.solution.minimum.parameters is None:
        return None
    weight = minima.solution.minimum.parameters.weights[layer - 1]
    return _Candidate(
        bound=_factored_rank(weight),
        exact=True,
        kind=RankKind.EXACT_MINIMUM,
        rule=f"solver {minima.solution.solver}",
        findings=minima.hypotheses,
        certificate="the certificate of the minimum",
    )


def _factored_rank(weight: FactoredMatrix) -> int:
    """Rank of ``left diag(values) right^T`` from two small triangles."""
    left, right = (_triangle(side) for side in (weight.left, weight.right))
    return rank_of(left * weight.values @ right.T)


def _triangle(side: FloatArray | UniformColumn) -> FloatArray:
    if isinstance(side, UniformColumn):
        return np.array([[side.value * np.sqrt(side.length)]])
    return np.linalg.qr(side).R


def _combined(
    setting: Setting, layer: int, applications: tuple[Application, ...], solved: _Candidate | None
) -> Prediction:
    shape = setting.graph.shapes[layer - 1]
    frozen = setting.problem.network.layers[layer - 1].frozen_weights
    if frozen is not None:
        rank = rank_of(frozen)
        reasons = {"conditional_upper_bound": "the matrix is given"}
        return Prediction(shape, rank, rank, None, RankKind.GIVEN, None, None, (), "", reasons)
    certain = [row for row in _candidates(applications, layer, applies=True) if row.bound <= min(shape) or row.exact]
    if solved is not None:
        certain.append(solved)
    conditional = _candidates(applications, layer, applies=None)
    decisive = min(certain, key=lambda row: (not row.exact, row.bound), default=None)
    upper = min([min(shape), *(row.bound for row in certain)])
    tightest = min(conditional, key=lambda row: row.bound, default=None)
    if tightest is not None and tightest.bound >= upper:
        tightest = None
    return _prediction(shape, decisive, upper, tightest, _why_no_rank(applications, layer))


def _candidates(applications: tuple[Application, ...], layer: int, *, applies: bool | None) -> list[_Candidate]:
    return [
        _Candidate(
            bound=row.claims[layer].bound,
            exact=row.claims[layer].exact,
            kind=row.rule.kind,
            rule=row.rule.id,
            findings=row.findings,
            certificate=row.rule.certificate,
        )
        for row in applications
        if row.applies is applies and layer in row.claims
    ]


def _prediction(
    shape: tuple[int, int], decisive: _Candidate | None, upper: int, conditional: _Candidate | None, why: str
) -> Prediction:
    shown = decisive or conditional
    reasons: dict[str, str] = {}
    rank = decisive.bound if decisive is not None and decisive.exact else None
    if rank is None:
        reasons["rank"] = why
    if conditional is None:
        reasons["conditional_upper_bound"] = "no rule with an unknown hypothesis gives less than the upper bound"
    if decisive is None:
        reasons["rule"] = "only the shape of the matrix bounds its rank for certain"
    if conditional is None:
        reasons["conditional_rule"] = reasons["conditional_upper_bound"]
    return Prediction(
        shape=shape,
        rank=rank,
        upper_bound=upper,
        conditional_upper_bound=None if conditional is None else conditional.bound,
        kind=RankKind.SHAPE if decisive is None else decisive.kind,
        rule=None if decisive is None else decisive.rule,
        conditional_rule=None if conditional is None else conditional.rule,
        findings=() if shown is None else shown.findings,
        certificate="" if shown is None else shown.certificate,
        reasons=reasons,
    )


def _why_no_rank(applications: tuple[Application, ...], layer: int) -> str:
    """The unknown hypothesis of an exact rule, or the one false hypothesis that silences it."""
    for row in applications:
        claim = row.claims.get(layer)
        if claim is not None and claim.exact and row.applies is None:
            unknown = [finding for finding in row.findings if finding.judgement.holds is None]
            return f"{row.rule.id}: " + "; ".join(f"{item.name}: {item.judgement.reason}" for item in unknown)
    for row in applications:
        failed = [finding for finding in row.findings if finding.judgement.holds is False]
        if row.rule.kind in (RankKind.EXACT_LIMIT, RankKind.EXACT_MINIMUM) and len(failed) == 1:
            return f"{row.rule.id} is silent: {failed[0].name}: {failed[0].judgement.reason}"
    return NOTHING_SAID


def _end_to_end(setting: Setting, layers: tuple[Prediction, ...], minima: Minima | None) -> Prediction:
    shape = (setting.outputs, setting.inputs)
    if not setting.graph.is_linear or setting.graph.skips():
        reason = "a network that is not a product of matrices has no end-to-end matrix"
        reasons = dict.fromkeys(("rank", "upper_bound", "conditional_upper_bound", "rule"), reason)
        return Prediction(shape, None, None, None, RankKind.SHAPE, None, None, (), "", reasons)
    uppers = [layer.upper_bound for layer in layers if layer.upper_bound is not None]
    upper = min([min(shape), *uppers])
    if minima is not None:
        rank = minima.solution.minimum.rank
        rule, kind = f"solver {minima.solution.solver}", RankKind.EXACT_MINIMUM
        return Prediction(shape, rank, rank, None, kind, rule, None, minima.hypotheses, "", _unconditional())
    first = layers[0]
    all_exact = all(layer.rank is not None and layer.rule == first.rule for layer in layers)
    if all_exact and first.kind in (RankKind.EXACT_LIMIT, RankKind.EXACT_MINIMUM):
        rank = min(layer.rank for layer in layers if layer.rank is not None)
        return Prediction(shape, rank, rank, None, first.kind, first.rule, None, first.findings, "", _unconditional())
    lowest = min(layers, key=lambda layer: upper if layer.upper_bound is None else layer.upper_bound)
    conditionals = [layer for layer in layers if layer.conditional_upper_bound is not None]
    tightest = min(conditionals, key=lambda layer: layer.conditional_upper_bound or upper, default=None)
    if tightest is not None and (tightest.conditional_upper_bound or upper) >= upper:
        tightest = None
    reasons = {"rank": NOTHING_SAID}
    if tightest is None:
        reasons |= _unconditional()
    return Prediction(
        shape=shape,
        rank=None,
        upper_bound=upper,
        conditional_upper_bound=None if tightest is None else tightest.conditional_upper_bound,
        kind=lowest.kind if upper < min(shape) else RankKind.SHAPE,
        rule=lowest.rule if upper < min(shape) else None,
        conditional_rule=None if tightest is None else tightest.conditional_rule,
        findings=(),
        certificate="",
        reasons=reasons,
    )


def _unconditional() -> dict[str, str]:
    return {"conditional_upper_bound": "no rule with an unknown hypothesis gives less than the upper bound"}
