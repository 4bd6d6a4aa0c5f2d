"""Certificates and hypotheses of the core to the wire, in the caller's convention."""

from typing import Any

from service.core.results import Certificate
from service.core.rules import Finding
from service.operations.mapping.conventions import Scaling


def to_wire(certificate: Certificate, scaling: Scaling) -> dict[str, Any]:
    """The certificate; bounds and what scales with the loss are the caller's, the gap is relative."""
    return {
        "kind": "certified" if certificate.holds else "bounded",
        "upper_bound": certificate.upper_bound * scaling.loss,
        "lower_bound": certificate.lower_bound * scaling.loss,
        "relative_gap": certificate.relative_gap,
        "tolerance": certificate.tolerance,
        "rounding_allowance": certificate.rounding_allowance * scaling.loss,
        "method": certificate.method,
        "checks": [
            {
                "name": check.name,
                "value": check.value * (scaling.loss if check.scales_with_loss else 1.0),
                "tolerance": check.tolerance * (scaling.loss if check.scales_with_loss else 1.0),
                "passed": bool(check.passed),
            }
            for check in certificate.checks
        ],
    }


def finding_to_wire(finding: Finding) -> dict[str, Any]:
    """A hypothesis with what decided it; a reason only where there is one."""
    verdict = finding.verdict
    document: dict[str, Any] = {"name": finding.name, "holds": verdict.holds, "evidence": dict(verdict.evidence)}
    if verdict.reason:
        document["reason"] = verdict.reason
    return document
