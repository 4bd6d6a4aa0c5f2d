"""Where a certifier has several bounds its own is the largest of them, and each is the largest somewhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.core.bounds.quadratic_below import Below
from service.core.certificates import deep_bounded, noisy_bounded
from service.core.dispatch import solve
from service.core.ground.problems import Problem
from tests.support import outputs_instances as families

Draw = Callable[[np.random.Generator], Problem]
PARTS = {
    deep_bounded: ("decay_bound", "undecayed_bound", "convex_decay_bound"),
    noisy_bounded: ("dropout_bound", "decay_bound", "convex_bound"),
}


def parts_of(module: Any, problem: Problem, monkeypatch: pytest.MonkeyPatch) -> tuple[list[tuple[str, float]], float]:
    """Every bound that the certifier asks for while a problem is solved, and the one that it gives."""
    asked: list[tuple[str, float]] = []
    given: list[float] = []
    whole = "_deep_bound" if module is deep_bounded else "_noisy_bound"

    def watched(name: str, bound: Callable[..., float]) -> Callable[..., float]:
        def call(below: Below, *rest: float) -> float:
            asked.append((name + ("" if not rest or not rest[0] else " with noise"), bound(below, *rest)))
            return asked[-1][1]

        return call

    original = getattr(module, whole)

    def told(below: Below) -> float:
        asked.clear()
        given.append(original(below))
        return given[-1]

    with monkeypatch.context() as patch:
        for name in PARTS[module]:
            patch.setattr(module, name, watched(name, getattr(module, name)))
        patch.setattr(module, whole, told)
        module.certify(problem, solve(problem).solution)
    return list(asked), given[-1]


def hardly_decayed(rng: np.random.Generator) -> Problem:
    base = families.deep_decayed(rng)
    layers = tuple(replace(layer, weight_decay=1e-18 * layer.weight_decay) for layer in base.network.layers)
    return Problem(replace(base.network, layers=layers), base.data)


@pytest.mark.parametrize(
    ("module", "draw", "seed", "best"),
    [
        (deep_bounded, families.deep_decayed, 0, "decay_bound"),
        (deep_bounded, families.two_layers_decayed, 0, "convex_decay_bound"),
        (deep_bounded, hardly_decayed, 0, "undecayed_bound"),
        (noisy_bounded, families.noisy_general, 0, "decay_bound"),
        (noisy_bounded, families.noisy_general, 2, "dropout_bound"),
        (noisy_bounded, families.noisy_general, 11, "convex_bound"),
        (noisy_bounded, families.noisy_general, 13, "decay_bound with noise"),
    ],
)
def test_the_bound_is_the_best_of_its_parts(
    module: Any, draw: Draw, seed: int, best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, bound = parts_of(module, draw(np.random.default_rng(seed)), monkeypatch)
    values = dict(parts)
    assert len(values) > 1
    assert bound == max(values.values())
    assert bound == values[best]
