"""Trajectories on the plane of a slice, and the directions that the plane used."""

from typing import Any

import numpy as np
import pytest

from service.core.pictures.projection import principal_axes, projection
from service.errors import InputError
from service.jobs.codec import decode
from service.jobs.inline import run_inline
from service.operations.asking import ask
from service.operations.plans.columns import plain
from service.schemas.slices import SLICE_EXAMPLE
from service.settings import Limits

ASKED: dict[str, Any] = {"problem": SLICE_EXAMPLE["problem"], "points": 5, "seed": 3, "training_steps": 40}
POINT: dict[str, Any] = {"weights": [[[0.5]] * 4, [[0.1] * 4]], "biases": [[0.0] * 4, [0.2]]}


def answered(**asked: Any) -> Any:
    question = ask("slices", {**ASKED, **asked}, Limits())
    assert question.loaded.work is not None
    return plain(decode(run_inline(question.plan(Limits()), question.loaded.work.guarded())))


def test_directions_make_the_grid() -> None:
    answer = answered(include=["points"])
    centre = np.array(answer["centre"]["point"])
    first, second = (np.array(one["vector"]) for one in answer["directions"])
    place = centre + answer["axes"][0]["values"][1] * first + answer["axes"][1]["values"][4] * second
    weights = [place[:4].reshape(4, 1).tolist(), place[4:8].reshape(1, 4).tolist()]
    posted = answered(weights=weights, biases=[place[8:12].tolist(), place[12:].tolist()])
    assert posted["centre"]["loss"] == pytest.approx(np.reshape(answer["loss"], answer["shape"])[1, 4], rel=1e-12)


def test_the_path_of_a_training_ends_in_the_middle_and_falls() -> None:
    answer = answered(trajectory="training", axes_from="trajectory")
    along = answer["trajectory"]
    assert (along["alpha"][-1], along["beta"][-1], along["distance"][-1]) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert along["loss"][-1] == pytest.approx(answer["centre"]["loss"])
    assert np.all(np.diff(along["loss"]) <= 1e-12)
    # the first direction sees the most of it, to 1 / 1.1 of its length
    assert np.abs(along["alpha"]).max() == pytest.approx(1.0 / 1.1)
    assert along["explained"] > 0.7
    assert answer["reasons"]["normalisation"]


def test_random_directions_see_little_of_a_path() -> None:
    principal = answered(trajectory="training", axes_from="trajectory")["trajectory"]
    random = answered(trajectory="training")["trajectory"]
    assert random["explained"] < principal["explained"]
    assert random["loss"] == principal["loss"]


def test_posted_points_are_projected() -> None:
    answer = answered(**POINT, trajectory=[POINT], include=["points"])
    along = answer["trajectory"]
    assert (along["alpha"], along["beta"], along["distance"]) == ([0.0], [0.0], [0.0])
    assert along["loss"] == [pytest.approx(answer["centre"]["loss"])]


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"kind": "line", "trajectory": "training"}, ("trajectory",)),
        ({"axes_from": "trajectory"}, ("axes_from",)),
        ({"axes_from": "trajectory", "trajectory": "training", "normalisation": "unit"}, ("normalisation",)),
        ({"at": "origin", "trajectory": "training"}, ("trajectory",)),
        ({"trajectory": []}, ("trajectory",)),
        ({"trajectory": [{"weights": [[[1.0]]]}]}, ("trajectory", 0, "weights")),
    ],
)
def test_what_cannot_be_projected_is_refused(asked: dict[str, Any], at: tuple[str | int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        answered(**asked)
    assert caught.value.fields[0].location == at


@pytest.mark.parametrize(("points", "weights"), [(5, 7), (1, 7), (2, 2)])
def test_projections_are_least_squares_whatever_the_points_span(points: int, weights: int) -> None:
    rng = np.random.default_rng(0)
    centre = rng.normal(size=weights)
    some = np.vstack([centre, centre + rng.normal(size=(points, weights))])
    axes = principal_axes(centre, some)
    assert np.abs(axes[0] @ axes[1]) < 1e-9 * np.linalg.norm(axes[0]) * np.linalg.norm(axes[1])
    found = projection(centre, axes, some)
    rest = some - centre - found.coordinates @ axes
    np.testing.assert_allclose(rest @ axes.T, 0.0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(rest, axis=1), found.distances, atol=1e-12)
    assert np.abs(found.coordinates).max() <= 1.0 / 1.1 + 1e-9
