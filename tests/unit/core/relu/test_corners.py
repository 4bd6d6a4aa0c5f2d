"""Cones that share generators are the cones that they were, in a fraction of the numbers."""

import numpy as np
import pytest

from service.core.relu.cones import SimplicialCones
from service.core.relu.corners import SharedCones


def bisected(rank: int, rounds: int, seed: int) -> SimplicialCones:
    """The orthants after some rounds in which each cone is cut in two at a random edge."""
    rng, cones = np.random.default_rng(seed), SimplicialCones.orthants(rank)
    for _ in range(rounds):
        edges = np.array([rng.choice(rank, 2, replace=False) for _ in range(len(cones))])
        cones = cones.split(edges[:, 0], edges[:, 1])
    return cones


@pytest.mark.parametrize("rank", [3, 5, 7])
def test_cones_come_back(rank: int) -> None:
    cones = bisected(rank, 6, rank)
    shared = SharedCones.of(cones.generators)
    assert len(shared) == len(cones)
    assert np.array_equal(shared.generators, cones.generators)
    assert shared.vertices.nbytes + shared.corners.nbytes < 0.6 * cones.generators.nbytes
    parts = [shared.part(number, 3).generators for number in range(3)]
    assert np.array_equal(np.concatenate(parts), cones.generators)


def test_generators_that_differ_by_rounding_stay_apart() -> None:
    cones = np.repeat(np.eye(3)[None], 4, axis=0)
    cones[1, 0, 0] = np.nextafter(1.0, 2.0)
    cones[2, 1, 0] = 1e-300
    cones[3, 1, 0] = -1e-300
    shared = SharedCones.of(cones)
    assert np.array_equal(shared.generators, cones)
    assert len(shared.vertices) == 6


def test_many_generators_have_long_places_and_none_is_nothing() -> None:
    cones = np.random.default_rng(0).standard_normal((40_000, 2, 2))
    shared = SharedCones.of(cones)
    assert shared.corners.dtype == np.int32
    assert np.array_equal(shared.generators, cones)
    assert len(SharedCones.of(np.zeros((0, 4, 4)))) == 0
