"""Paths of documents: every value is told once, and a path knows what it is a part of."""

import pytest

from service.operations.mapping.fields import ancestors, covers, general, leaves

DOCUMENT = {"a": 1, "b": {"c": [], "d": [{"e": None}, {"e": [[1, 2.0], [3]]}], "f": {}, "g": [True, 1]}}


def test_every_leaf_has_its_path() -> None:
    assert dict(leaves(DOCUMENT)) == {
        "a": 1,
        "b.c": [],
        "b.d[0].e": None,
        "b.d[1].e": [[1, 2.0], [3]],
        "b.g[0]": True,
        "b.g[1]": 1,
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("stationary_points[12].loss", "stationary_points[].loss"),
        ("global_minimum.end_to_end_map[0][1]", "global_minimum.end_to_end_map"),
        ("global_minimum.weights[0].left[1][0]", "global_minimum.weights"),
        ("hypotheses[3].evidence.outputs", "hypotheses[].evidence"),
        ("features.classes[1].reasons.feature_norm", "features.classes[].reasons"),
        ("thresholds.reasons.transitions", "thresholds.reasons"),
        ("theorems[0]", "theorems"),
        ("problem.network.layers[0].width", "problem"),
        ("problem_hash", "problem_hash"),
    ],
)
def test_places_in_lists_are_left_out(path: str, name: str) -> None:
    assert general(path) == name


def test_a_path_is_covered_by_what_it_is_a_part_of_and_by_nothing_else() -> None:
    path = "a.bc[0][1].d"
    assert list(ancestors(path)) == ["a.bc[0][1].d", "a.bc[0][1]", "a.bc[0]", "a.bc", "a"]
    assert all(covers(other, path) for other in ancestors(path))
    assert not any(covers(other, path) for other in ("a.b", "a.bc[0][1].d.e", "a.bc[1]", "b", ""))
