"""What the runs of a race say: counts with intervals, quantiles of their curves, and advice for each scheme."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.core.dynamics.races import wilson_interval
from service.core.dynamics.training import curve_steps
from service.operations.plans.plan import Arrays, Json
from service.vocabulary import Initialisation, Optimiser, Outcome


def advise(arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """Put the runs together, count, and say what each scheme is good for."""
    each = int(arguments["chunks_a_pair"])
    groups = []
    for index, (scheme, optimiser) in enumerate(arguments["pairs"]):
        parts = inputs[index * each : (index + 1) * each]
        columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
        groups.append(_group(Initialisation(scheme), Optimiser(optimiser), columns, arguments))
    schemes = dict.fromkeys(Initialisation(scheme) for scheme, _ in arguments["pairs"])
    header = arguments["header"]
    advice = [
        _advice(scheme, [group for group in groups if group["initialisation"] == scheme], header) for scheme in schemes
    ]
    advice.sort(key=lambda one: -1.0 if one["success"] is None else -one["success"]["rate"])
    return {**header, "groups": groups, "advice": advice}


def _group(
    scheme: Initialisation, optimiser: Optimiser, columns: Mapping[str, list[Any]], arguments: Mapping[str, Json]
) -> dict[str, Json]:
    outcomes = Counter(str(outcome) for outcome in columns["outcome"])
    reasons: dict[str, str] = {}
    success: dict[str, Json] | None = _success(outcomes[Outcome.MINIMUM], len(columns["outcome"]))
    if outcomes[Outcome.DIFFERENT_OBJECTIVE]:
        success = None
        reasons["success"] = (
            "decoupled decay comes to rest at a stationary point of another objective, so that its gap is not a failure"
        )
    gaps = [gap for gap in columns["gap"] if gap is not None]
    if not gaps:
        reasons["median_gap"] = "every run diverged"
    if any(value is None for value in columns["least_hessian_eigenvalue"]):
        reasons["least_hessian_eigenvalue"] = (
            "null where a run did not rest away from the minimum, or the network is too large for a dense Hessian"
        )
    curve = np.array(columns["curve"], dtype=np.float64)
    runs = {name: values for name, values in columns.items() if name != "curve"}
    scale = float(arguments["loss_scale"])
    for name in ("gradient_norm", "least_hessian_eigenvalue"):
        runs[name] = [None if value is None else value * scale for value in runs[name]]
    # a learning rate multiplies the gradient of the caller's objective
    runs["learning_rate"] = [
        None if value is None else value / _rate_scale(optimiser, scale) for value in runs["learning_rate"]
    ]
    return {
        "optimiser": optimiser,
        "initialisation": scheme,
        "outcomes": dict(outcomes),
        "success": success,
        "median_gap": float(np.median(gaps)) if gaps else None,
        "curve": {"steps": curve_steps(int(arguments["steps"])).tolist(), **_quantiles(curve)},
        "runs": runs,
        "reasons": reasons,
    }


def _rate_scale(optimiser: Optimiser, scale: float) -> float:
    return scale if optimiser in (Optimiser.GD, Optimiser.SGD) else 1.0


def _quantiles(curve: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Json]:
    found: dict[str, list[float | None]] = {"median": [], "lower_decile": [], "upper_decile": []}
    for column in curve.T:
        alive = column[np.isfinite(column)]
        numbers = np.quantile(alive, [0.5, 0.1, 0.9]).tolist() if alive.size else [None] * 3
        for name, number in zip(found, numbers, strict=True):
            found[name].append(number)
    return dict(found)


def _success(successes: int, runs: int) -> dict[str, Json]:
    interval = list(wilson_interval(successes, runs))
    return {"successes": successes, "runs": runs, "rate": successes / runs, "interval": interval}


def _advice(
    scheme: Initialisation, groups: Sequence[Mapping[str, Json]], header: Mapping[str, Json]
) -> dict[str, Json]:
    runs = len(groups[0]["runs"]["trapped"])
    counted = [group["success"] for group in groups if group["success"] is not None]
    success = (
        _success(sum(one["successes"] for one in counted), sum(one["runs"] for one in counted)) if counted else None
    )
    best = max(
        (group for group in groups if group["success"] is not None),
        key=lambda group: group["success"]["rate"],
        default=None,
    )
    reasons = (
        {} if counted else {"success": "only decoupled decay raced", "best_optimiser": "only decoupled decay raced"}
    )
    if header["escape_norm"] is None:
        starts, trapped = "unknown", None
        reasons["trapped"] = header["reasons"]["escape_norm"]
    else:
        trapped = sum(groups[0]["runs"]["trapped"])
        starts = "inside" if trapped == runs else "mixed" if trapped else "outside"
    return {
        "initialisation": scheme,
        "starts": starts,
        "trapped": trapped,
        "runs": runs,
        "success": success,
        "best_optimiser": None if best is None else best["optimiser"],
        "text": _text(scheme, starts, trapped, runs, success, trivial=bool(header["trivial"])),
        "reasons": reasons,
    }


def _text(
    scheme: Initialisation,
    starts: str,
    trapped: int | None,
    runs: int,
    success: Mapping[str, Json] | None,
    *,
    trivial: bool,
) -> str:
    """One sentence on what is proved, one on what was observed."""
    if starts == "unknown":
        proved = f"{scheme}: nothing is proved about where its starts flow."
    elif trapped:
        proved = (
            f"{scheme}: proved for gradient flow, {trapped} of {runs} starts are trapped and end at the origin "
            "(long first steps, as those of line searches, may jump out)."
        )
    else:
        proved = f"{scheme}: no start lies inside the trapping radius, which is necessary and not sufficient."
    if trivial:
        proved += " The origin is the global minimum here."
    if success is None:
        return proved
    low, high = success["interval"]
    return (
        f"{proved} Observed: {success['successes']} of {success['runs']} runs reached the minimum "
        f"({100 * success['rate']:.0f} %, 95 % interval {100 * low:.0f} to {100 * high:.0f} %)."
    )
