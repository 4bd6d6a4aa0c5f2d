"""Paths between two points as a plan: the ends, the straight line, rounds of bending, the explicit path, widths."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from service.core.asked.sweeps.widths import width_marks, with_width
from service.core.ground.numbers.arrays import FloatArray
from service.core.pictures.curves import Profile, aligned, bend, profile, profile_of, straight
from service.core.pictures.descent import descend, random_start
from service.core.pictures.objective import objective_of, shape_of
from service.core.pictures.wide_path import wide_path
from service.errors import InputError
from service.operations.plans.packing import unpack
from service.operations.plans.picture_points import card, compute_point, source_of
from service.operations.plans.picture_sizes import CHUNK_S, SLOPE, check_size, evaluation_s
from service.operations.plans.pictures import Draft, draft
from service.operations.plans.plan import Arrays, Json, Plan, Work
from service.operations.plans.running import in_range
from service.schemas.connectivity import ConnectivityRequest
from service.settings import Limits
from service.vocabulary import Evidence

NODES: Final = 25
"""Places at which a curve is watched while it is bent."""
SUCCESS: Final = 0.01
BECAUSE: Final = (
    "along every leg either the outputs do not change, or they change linearly and the loss is convex in them, so that "
    "no leg exceeds its ends; see docs/theory/connecting-paths.md"
)


def connectivity_plan(request: ConnectivityRequest, limits: Limits) -> Plan:
    """Cut the search for a low path into chunks.

    Raises
    ------
    InputError, LimitExceeded
        Before anything is computed; locations from the root of the request.
    """
    plan = draft(request, request.problem, limits)
    problem = plan.mapped.core
    if request.widths and not problem.network.n_hidden:
        raise InputError.at(("widths",), "must be left out: the network has no hidden layer")
    sources = [source_of(end, problem, ("ends", index), limits, index) for index, end in enumerate(request.ends)]
    ends = tuple(plan.add_point(source) for source in sources)
    each = SLOPE * evaluation_s(problem)
    points = {"points": request.points}
    plan.add("line", {**points, "aligned": False}, ends, request.points * each)
    line = plan.add("line", {**points, "aligned": True}, ends, request.points * each)
    plan.add("explicit", points, ends, 7 * request.points * each)
    plan.steps += 9 * request.points
    widths = sorted(set(request.widths))
    groups = _add_widths(plan, widths, request, limits)
    previous = line
    # last, because each round waits for the one before it
    for _ in range(request.rounds):
        steps = (2 * request.round_steps + 2) * NODES + request.points
        bent = {**points, "bends": request.bends, "steps": request.round_steps}
        previous = plan.add("bend", bent, (ends[0], previous), steps * each)
        plan.steps += steps
    plan.check(limits, ("rounds",))
    arguments = plan.arguments(rounds=request.rounds, widths=widths, groups=groups, runs=request.runs)
    return Plan(plan.chunks, "connect", {**arguments, "problem": plan.packed}, plan.arrays, plan.cost_s)


def _add_widths(plan: Draft, widths: Sequence[int], request: ConnectivityRequest, limits: Limits) -> list[int]:
    """A few trainings a chunk; the number of chunks of each width."""
    groups = []
    for width in widths:
        problem = with_width(plan.mapped.core, width)
        check_size(problem, limits, ("widths", request.widths.index(width)))
        each = SLOPE * evaluation_s(problem) * request.training_steps
        together = int(np.clip(CHUNK_S / max(each, 1e-9), 1, request.runs))
        starts = range(0, request.runs, together)
        groups.append(len(starts))
        for first in starts:
            last = min(first + together, request.runs)
            arguments = {"width": width, "first": first, "last": last, "seed": request.seed}
            plan.add("train", {**arguments, "steps": request.training_steps}, (), (last - first) * each)
        plan.steps += request.runs * request.training_steps
    return groups


def _end(measured: Mapping[str, Json]) -> FloatArray:
    return np.asarray(measured["point"], dtype=np.float64)


def _told(found: Profile) -> dict[str, Json]:
    return {
        "position": found.positions,
        "loss": found.losses,
        "barrier": found.barrier,
        "length": found.length,
    }


def compute_line(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """The straight line between the ends, the second one's neurons put into the order of the first if asked for."""
    problem = unpack(arguments["problem"], arrays)
    first, last = (_end(measured) for measured in inputs)
    if arguments["aligned"]:
        last = aligned(problem, shape_of(problem), first, last)
    found = profile(problem, straight(first, last, 0), int(arguments["points"]))
    return {**_told(found), "last": last}


def compute_bend(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """One round of bending, from the straight line or from where the last round ended."""
    problem = unpack(arguments["problem"], arrays)
    before = inputs[1]
    if "control" in before:
        control = np.asarray(before["control"], dtype=np.float64)
    else:
        last = np.asarray(before["last"], dtype=np.float64)
        control = straight(_end(inputs[0]), last, int(arguments["bends"]))
    bent = bend(problem, control, NODES, int(arguments["steps"]))
    found = profile(problem, bent, int(arguments["points"]))
    if found.barrier > before["barrier"]:
        # lower where it was watched, higher in between
        bent, found = control, profile(problem, control, int(arguments["points"]))
    return {**_told(found), "control": bent}


def compute_explicit(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """The path of the theory for wide networks with one hidden layer, or the reason why it does not exist."""
    problem = unpack(arguments["problem"], arrays)
    found = wide_path(problem, *(_end(measured) for measured in inputs))
    if isinstance(found, str):
        return {"reason": found}
    objective = objective_of(problem)
    legs = len(found.vertices) - 1
    shares = np.linspace(0.0, legs, legs * int(arguments["points"]) + 1)
    leg = np.minimum(shares.astype(int), legs - 1)
    inside = (shares - leg)[:, None]
    places = (1.0 - inside) * found.vertices[leg] + inside * found.vertices[leg + 1]
    return {
        **_told(profile_of(objective, places, shares / legs)),
        "vertex_loss": [objective.slope(vertex)[0] for vertex in found.vertices],
        "needed_neurons": list(found.ranks),
        "vertices": found.vertices,
    }


def compute_training(arguments: Mapping[str, Json], arrays: Arrays, _inputs: Sequence[Json]) -> Json:
    """Losses after some trainings at one width."""
    problem = with_width(unpack(arguments["problem"], arrays), int(arguments["width"]))
    runs = range(int(arguments["first"]), int(arguments["last"]))
    found = [
        descend(problem, random_start(problem, int(arguments["seed"]), run), int(arguments["steps"])) for run in runs
    ]
    return {"width": arguments["width"], "loss": [one.loss for one in found]}


def connect(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
    """Put the paths together, in the caller's convention."""
    scale, rounds = float(arguments["loss_scale"]), int(arguments["rounds"])
    shown = bool(arguments["with_points"])
    bends = inputs[len(inputs) - rounds :]
    reasons: dict[str, str] = {}
    if not bends:
        reasons["bezier"] = "no rounds were requested"
    if "reason" in inputs[4]:
        reasons["explicit"] = inputs[4]["reason"]
    if not arguments["widths"]:
        reasons["widths"] = "none were requested"
    return {
        "ends": [card(measured, arguments) for measured in inputs[:2]],
        "straight": _path(inputs[2], scale),
        "aligned": _path(inputs[3], scale),
        "bezier": _bezier(bends, scale, shown=shown) if bends else None,
        "explicit": None if "reason" in inputs[4] else _explicit(inputs[4], scale, shown=shown),
        "widths": _widths(arguments, arrays, inputs[5:]) if arguments["widths"] else None,
        "reasons": reasons,
        **arguments["header"],
    }


def _path(found: Mapping[str, Json], scale: float, evidence: Evidence = Evidence.OBSERVED) -> dict[str, Any]:
    return {
        "position": found["position"],
        "loss": np.asarray(found["loss"]) * scale,
        "barrier": found["barrier"] * scale,
        "length": found["length"],
        "evidence": evidence,
    }


def _bezier(bends: Sequence[Mapping[str, Json]], scale: float, *, shown: bool) -> dict[str, Json]:
    answer = {**_path(bends[-1], scale), "barriers": [one["barrier"] * scale for one in bends]}
    return {**answer, "control_points": bends[-1]["control"]} if shown else answer


def _explicit(found: Mapping[str, Json], scale: float, *, shown: bool) -> dict[str, Json]:
    answer = {
        **_path(found, scale, Evidence.CERTIFIED),
        "vertex_loss": [loss * scale for loss in found["vertex_loss"]],
        "needed_neurons": found["needed_neurons"],
        "because": BECAUSE,
    }
    return {**answer, "vertices": found["vertices"]} if shown else answer


def _widths(arguments: Mapping[str, Json], arrays: Arrays, parts: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Quantiles of the losses at each width, and where the verdicts of theorems change."""
    scale = float(arguments["loss_scale"])
    widths = [int(width) for width in arguments["widths"]]
    rest = iter(parts)
    losses = np.array(
        [[loss for _ in range(int(group)) for loss in next(rest)["loss"]] for group in arguments["groups"]]
    )
    losses *= scale
    best, unit = float(losses.min()), float(np.median(losses.max(axis=1)))
    low, middle, high = np.quantile(losses, [0.1, 0.5, 0.9], axis=1)
    marks = width_marks(unpack(arguments["problem"], arrays), widths)
    return {
        "width": widths,
        "median": middle.tolist(),
        "lower_decile": low.tolist(),
        "upper_decile": high.tolist(),
        "best": losses.min(axis=1).tolist(),
        "success": np.mean(losses <= best + SUCCESS * max(abs(unit - best), abs(best)), axis=1).tolist(),
        "runs": losses.shape[1],
        "marks": [
            {
                "width": mark.width,
                "property": mark.about,
                "value": mark.value,
                "evidence": mark.evidence,
                "because": list(mark.because),
            }
            for mark in marks
        ],
        "evidence": Evidence.OBSERVED,
    }


# one round or one training is never cut, and may be of many samples
WORK: Final = Work(
    connectivity_plan,
    in_range(
        {
            "point": compute_point,
            "line": compute_line,
            "bend": compute_bend,
            "explicit": compute_explicit,
            "train": compute_training,
            "connect": connect,
        }
    ),
    longest_chunk_s=60.0,
)
