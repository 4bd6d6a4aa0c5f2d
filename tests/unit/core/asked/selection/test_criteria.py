"""Scores of folds, and what is chosen."""

import numpy as np
import pytest

from service.core.asked.selection.criteria import FoldScores, generalised, least, of_folds, one_standard_error


def test_folds_are_weighted_by_their_samples() -> None:
    found = of_folds(np.array([[1.0, 4.0], [3.0, 4.0]]), np.array([1.0, 3.0]))
    assert found.mean.tolist() == [2.5, 4.0]
    assert found.standard_error == pytest.approx([np.sqrt(0.25 * 1.5**2 + 0.75 * 0.5**2), 0.0])


def test_equal_folds_have_the_standard_error_of_a_mean() -> None:
    errors = np.random.default_rng(0).random((5, 3))
    found = of_folds(errors, np.full(5, 7.0))
    assert found.standard_error == pytest.approx(errors.std(axis=0, ddof=1) / np.sqrt(5.0))


def test_no_freedom_left_has_no_score() -> None:
    found = generalised(np.array([1.0, 0.5, 0.0]), np.array([0.0, 5.0, 10.0]), 10, 1)
    assert found[:2] == pytest.approx([1.0, 2.0])
    assert np.isnan(found[2])


def test_the_first_of_equals_is_chosen_and_missing_scores_never() -> None:
    assert least(np.array([np.nan, 2.0, 1.0, 1.0])) == 2
    assert least(np.array([np.nan])) is None


def test_the_simplest_value_within_one_error() -> None:
    scores = FoldScores(np.array([1.2, 1.0, 1.05, 1.09, 1.2]), np.full(5, 0.1))
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert one_standard_error(scores, values, larger_is_simpler=True) == 3
    assert one_standard_error(scores, values, larger_is_simpler=False) == 1
    assert one_standard_error(scores, values[::-1].copy(), larger_is_simpler=True) == 1
