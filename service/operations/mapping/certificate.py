"""Certificates and hypotheses of the core to the wire, in the caller's convention."""

import math

from service.core.ground.results import Certificate
from service.core.ground.rules import Finding
from service.operations.mapping.conventions import Scaling
from service.schemas import certificate as wire
from service.schemas.base import applicable


def to_wire(certificate: Certificate, scaling: Scaling) -> wire.Certificate:
    """The certificate; bounds and what scales with the loss are the caller's, the gap is relative."""
    reported = wire.Certificate(
        kind="certified" if certificate.holds else "bounded",
        upper_bound=outwards(certificate.upper_bound, scaling.loss, math.inf),
        lower_bound=outwards(certificate.lower_bound, scaling.loss, -math.inf),
        relative_gap=certificate.relative_gap,
        tolerance=certificate.tolerance,
        rounding_allowance=certificate.rounding_allowance * scaling.loss,
        method=certificate.method,
        checks=[
            wire.Check(
                name=check.name,
                value=check.value * (scaling.loss if check.scales_with_loss else 1.0),
                tolerance=check.tolerance * (scaling.loss if check.scales_with_loss else 1.0),
                passed=bool(check.passed),
            )
            for check in certificate.checks
        ],
        norm_limit=certificate.norm_limit,
    )
    return applicable(reported, "norm_limit")


def outwards(bound: float, factor: float, direction: float) -> float:
    """A bound in the caller's convention, rounded so that it stays one; exact where the factor is a power of two."""
    scaled = bound * factor
    if scaled == 0.0 or math.frexp(factor)[0] == 0.5:
        return scaled
    return math.nextafter(scaled, direction)


def finding_to_wire(finding: Finding) -> wire.HypothesisFinding:
    """A hypothesis with what decided it; a reason only where there is one."""
    judgement = finding.judgement
    said = {"reason": judgement.reason} if judgement.reason else {}
    return wire.HypothesisFinding(name=finding.name, holds=judgement.holds, evidence=dict(judgement.evidence), **said)
