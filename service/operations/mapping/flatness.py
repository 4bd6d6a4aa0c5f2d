"""The flatness of minima to the answer on the wire, in the caller's convention."""

from typing import Final

from service.core.flatness.at_minimum import Flatness, flatness_of
from service.core.ground.results import Minima
from service.operations.mapping.problem import MappedProblem
from service.schemas import flatness as wire

OTHER_MODEL: Final = "told for feedforward networks only"
NO_LIMIT: Final = "a global minimum without curvature is reached by every step that is short enough to converge"
WITH_BOUND: Final = ("lower_bound", "evidence", "theorem", "largest_step", "spectrum", "layer_norms")


def to_wire(mapped: MappedProblem, minima: Minima) -> wire.Flatness:
    """What is known, validated; a null has its reason."""
    if mapped.vae is not None or mapped.features is not None:
        found = Flatness(reasons=dict.fromkeys(("least_sharpness", "sharpness"), OTHER_MODEL))
    else:
        found = flatness_of(mapped.core, minima)
    factor, reasons = mapped.scaling.loss, dict(found.reasons)
    lower = None if found.lower_bound is None else found.lower_bound * factor
    if found.least is None:
        reasons = dict.fromkeys(WITH_BOUND, reasons["least_sharpness"]) | reasons
    if lower == 0.0:
        reasons["largest_step"] = NO_LIMIT
    if found.returned is None:
        reasons.setdefault("sharpness_evidence", reasons["sharpness"])
    return wire.Flatness(
        least_sharpness=None if found.least is None else found.least * factor,
        lower_bound=lower,
        evidence=found.evidence,
        theorem=found.theorem,
        largest_step=2.0 / lower if lower else None,
        sharpness=None if found.returned is None else found.returned.value * factor,
        sharpness_evidence=None if found.returned is None else found.returned.evidence,
        spectrum=None if found.spectrum is None else (found.spectrum * factor).tolist(),
        layer_norms=None if found.layer_norms is None else found.layer_norms.tolist(),
        reasons=reasons,
    )
