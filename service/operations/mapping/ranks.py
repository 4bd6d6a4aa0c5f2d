"""Rank predictions of the core to the wire."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from service.core.data_facts.labels import CLASSIFICATION_LOSSES
from service.core.data_facts.max_margin import Separability
from service.core.ranks.compression import Compression
from service.core.ranks.graph import check
from service.core.ranks.results import LayerProgress, MeasuredInvariant, Prediction, RankAnswer
from service.core.ranks.rule import Application
from service.core.ranks.setting import Setting
from service.errors import InputError
from service.operations.mapping import snapshots, training
from service.operations.mapping.certificate import finding_to_wire
from service.operations.mapping.hashing import problem_hash
from service.operations.mapping.problem import MappedProblem
from service.operations.summaries.ranks import summary_of_ranks
from service.schemas import ranks as wire
from service.schemas.base import applicable
from service.schemas.model_files import ReadModel
from service.schemas.problem import ProblemDocument
from service.schemas.ranks import RanksRequest
from service.schemas.training import Training
from service.version import ENGINE_VERSION
from service.vocabulary import Dynamics


def to_core(request: RanksRequest, mapped: MappedProblem) -> Setting:
    """The setting of a request whose problem is mapped; `InputError` where loss, labels and network disagree."""
    convention = request.problem.objective.convention
    setting = Setting(mapped.core, mapped.data.inputs, training.to_core(request.training, mapped, convention))
    check(setting.graph)
    check_labels(setting)
    return setting


def check_labels(setting: Setting) -> None:
    """Refuse a classification loss on targets that are not labels of at least two classes."""
    problem = setting.problem
    if problem.loss in CLASSIFICATION_LOSSES and problem.samples is not None and setting.labelled is None:
        wanted = "labels -1 and +1, or 0 and 1" if setting.outputs == 1 else "one-hot rows, or task classification"
        raise InputError.at(("data", "y"), f"must hold {wanted}, of at least two classes that all occur")


def with_snapshots(setting: Setting, request: RanksRequest) -> Setting:
    """The setting with recorded weights; locations are below ``snapshots``."""
    recorded = snapshots.to_core(request.snapshots, setting.graph)
    return Setting(setting.problem, setting.inputs, setting.training, recorded)


@dataclass(frozen=True, slots=True)
class Heading:
    """What an answer takes from its question rather than from the computation.

    Attributes
    ----------
    problem_hash : str
    dynamics : Dynamics
    classes : tuple of int or None
    loss_scale : float
        Caller's objective divided by the core's.
    """

    problem_hash: str
    dynamics: Dynamics
    classes: tuple[int, ...] | None
    loss_scale: float


def heading(problem: ProblemDocument, training: Training, mapped: MappedProblem) -> Heading:
    """The heading of the answer to a question."""
    classes = mapped.data.classes
    return Heading(
        problem_hash(problem), training.dynamics, None if classes is None else tuple(classes), mapped.scaling.loss
    )


def to_wire(
    request: RanksRequest, mapped: MappedProblem, answer: RankAnswer, compression: Compression | None
) -> wire.RanksAnswer:
    """The answer, validated: no number that is not finite leaves here."""
    head = heading(request.problem, request.training, mapped)
    return answered(
        head,
        answer,
        rules=[_rule(row) for row in answer.applications] if "rules" in request.include else None,
        compression=None if compression is None else _compression(compression, head),
        model=request.model,
    )


def answered(
    head: Heading,
    answer: RankAnswer,
    rules: list[wire.RuleAnswer] | None = None,
    compression: wire.CompressionAnswer | None = None,
    model: ReadModel | None = None,
) -> wire.RanksAnswer:
    """The parts that every answer has, with those that a request includes."""
    reported = wire.RanksAnswer(
        summary=[],
        layers=[_layer(answer, index) for index in range(len(answer.layers))],
        end_to_end=_statement(answer.end_to_end),
        separability=_separability(answer.separability),
        max_margin=_max_margin(answer.separability),
        invariants=[_invariant(row, head.loss_scale) for row in answer.invariants],
        certificates=[
            wire.CertificateQuantity(rule=row.rule.id, quantity=row.rule.certificate)
            for row in answer.applications
            if row.applies is not False
        ],
        silent={row.rule.id: _why_silent(row) for row in answer.applications if row.applies is False},
        dynamics=head.dynamics,
        solver=answer.solver,
        reasons=dict(answer.reasons),
        engine_version=ENGINE_VERSION,
        problem_hash=head.problem_hash,
        classes=None if head.classes is None else list(head.classes),
        rules=rules,
        compression=compression,
        model=model,
    )
    reported.summary.extend(summary_of_ranks(reported))
    return applicable(reported, "classes", "rules", "compression", "model")


def _layer(answer: RankAnswer, index: int) -> wire.LayerRank:
    progress = _progress(answer.progress[index]) if answer.progress else None
    said = _statement(answer.layers[index])
    reported = wire.LayerRank(
        layer=index + 1,
        shape=said.shape,
        rank=said.rank,
        upper_bound=said.upper_bound,
        conditional_upper_bound=said.conditional_upper_bound,
        kind=said.kind,
        rule=said.rule,
        conditional_rule=said.conditional_rule,
        hypotheses=said.hypotheses,
        certificate=said.certificate,
        progress=progress,
        reasons=said.reasons,
    )
    return applicable(reported, "progress")


def _statement(prediction: Prediction) -> wire.RankStatement:
    return wire.RankStatement(
        shape=list(prediction.shape),
        rank=prediction.rank,
        upper_bound=prediction.upper_bound,
        conditional_upper_bound=prediction.conditional_upper_bound,
        kind=prediction.kind,
        rule=prediction.rule,
        conditional_rule=prediction.conditional_rule,
        hypotheses=[finding_to_wire(finding) for finding in prediction.findings],
        certificate=prediction.certificate,
        reasons=_reasons(prediction.reasons, prediction),
    )


def _reasons(given: Mapping[str, str], prediction: Prediction) -> dict[str, str]:
    """Reasons for exactly the fields that are null."""
    fields = ("rank", "upper_bound", "conditional_upper_bound", "rule", "conditional_rule")
    missing = [name for name in fields if getattr(prediction, name) is None]
    return {name: given.get(name, "no further rule applies to this matrix") for name in missing}


def _progress(progress: LayerProgress) -> wire.LayerProgress:
    return wire.LayerProgress(
        norms=list(progress.norms),
        stable_ranks=list(progress.stable_ranks),
        stable_rank_bounds=list(progress.stable_rank_bounds),
        tails=list(progress.tails),
        tail_bound=progress.tail_bound,
        singular_values=[values.tolist() for values in progress.singular_values],
        alignments=list(progress.alignments),
        alignment_bounds=list(progress.alignment_bounds),
        reasons=dict(progress.reasons),
    )


def _separability(found: Separability) -> wire.SeparabilityAnswer:
    missing = [name for name in ("separable", "margin") if getattr(found, name) is None]
    return wire.SeparabilityAnswer(
        separable=found.separable,
        margin=found.margin,
        method=found.method,
        reasons=dict.fromkeys(missing, found.reason),
    )


def _max_margin(found: Separability) -> wire.MaxMargin:
    direction, support = found.direction, found.support
    margin = None if direction is None else found.margin
    missing = {"direction": direction is None, "margin": margin is None, "support": support is None}
    return wire.MaxMargin(
        direction=None if direction is None else direction.tolist(),
        margin=margin,
        support=None if support is None else support.tolist(),
        reasons={name: found.reason for name, absent in missing.items() if absent},
    )


def _invariant(row: MeasuredInvariant, loss_scale: float) -> wire.InvariantAnswer:
    found = row.invariant
    reported = wire.InvariantAnswer(
        nodes=list(found.nodes),
        conserved=found.conserved,
        # the caller's objective falls faster by its factor
        decaying=wire.Decaying(part=found.part, rate=found.rate * loss_scale) if found.rate else None,
        statement=found.statement,
        reason=found.reason,
        value=None if row.value is None else row.value.tolist(),
        drifts=None if row.drifts is None else list(row.drifts),
    )
    return applicable(reported, "decaying", "reason", "value", "drifts")


def _why_silent(row: Application) -> str:
    failed = [finding for finding in row.findings if finding.judgement.holds is False]
    return "; ".join(f"{finding.name}: {finding.judgement.reason}" for finding in failed)


def _rule(row: Application) -> wire.RuleAnswer:
    return wire.RuleAnswer(
        id=row.rule.id,
        title=row.rule.title,
        statement=row.rule.statement,
        source=row.rule.source,
        status=row.rule.status,
        kind=row.rule.kind,
        applies=row.applies,
        hypotheses=[finding_to_wire(finding) for finding in row.findings],
        claims={str(layer): claim.bound for layer, claim in sorted(row.claims.items())},
        numbers={name: float(value) for name, value in row.numbers.items() if np.isfinite(value)},
    )


def _compression(found: Compression, head: Heading) -> wire.CompressionAnswer:
    factor = head.loss_scale
    losses = {
        name: None if value is None else value * factor
        for name, value in (("loss_before", found.loss_before), ("loss_after", found.loss_after))
    }
    layers = [
        wire.CompressionAdvice(
            layer=index,
            rank=row.rank,
            certain=row.certain,
            left=list(row.factor_shapes[0]),
            right=list(row.factor_shapes[1]),
            parameters_before=row.parameters_before,
            parameters_after=row.parameters_after,
            relative_error=row.error,
            reasons={"relative_error": "no weights were given"} if row.error is None else {},
        )
        for index, row in enumerate(found.layers, 1)
    ]
    reasons = {name: found.reason for name, value in losses.items() if value is None}
    return wire.CompressionAnswer(layers=layers, **losses, reasons=reasons)
