"""Sentences on answers: as many as people read, with numbers that stand in the answer and verdicts that are its own."""

import re
from typing import Any

import numpy as np
import pytest

from service.operations.asking import ask
from service.operations.loaded import examples_of
from service.operations.summaries.words import count_of, figure, listed
from service.operations.table import BY_NAME
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings

EXPLAINED = ("minima", "landscape", "ranks", "diagnose")
SETTINGS = Settings()
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e[+-]\d+)?")


def summary(name: str, body: Any) -> list[str]:
    answer: Any = ask(name, body, SETTINGS).answer(SETTINGS)
    told: list[str] = answer.summary
    return told


def numbers_in(value: Any) -> set[float]:
    """Every number of a document."""
    if isinstance(value, dict):
        return set().union(*map(numbers_in, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(numbers_in, value)) if value else set()
    return {float(value)} if isinstance(value, int | float) and not isinstance(value, bool) else set()


@pytest.mark.parametrize("name", EXPLAINED)
def test_every_example_is_told_in_three_to_six_sentences(name: str) -> None:
    for body in examples_of(BY_NAME[name]).values():
        found = summary(name, body)
        assert 3 <= len(found) <= 6, found
        assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in found)


def test_numbers_of_the_sentences_stand_in_the_answer() -> None:
    for body in examples_of(BY_NAME["minima"]).values():
        answer: Any = ask("minima", body, SETTINGS).answer(SETTINGS)
        known = numbers_in(answer.model_dump(mode="json", exclude={"summary"}))
        known.add(float(np.linalg.norm(answer.global_minimum.singular_values)))
        for sentence in answer.summary:
            for text in NUMBER.findall(sentence):
                value = float(text.replace(",", ""))
                assert any(abs(value - other) <= 6e-3 * abs(other) for other in known), (sentence, value)


def test_the_design_example_is_told_as_it_is() -> None:
    found = " ".join(summary("minima", DESIGN_EXAMPLE))
    assert "With two hidden layers the origin is a local minimum behind a barrier of 0.01" in found
    assert "by a jump, at 1.71 times your decay; as a local minimum it survives up to 2.03 times" in found


def test_what_collapsed_or_is_open_is_not_called_otherwise() -> None:
    collapsed = {
        **DESIGN_EXAMPLE,
        "network": {"layers": [{"width": 2, "weight_decay": 5.0}, {"width": 1, "weight_decay": 5.0}]},
    }
    assert "has collapsed the network" in " ".join(summary("minima", collapsed))
    bounded = {
        "network": {"layers": [{"width": 3, "weight_decay": 0.18}] * 3},
        "data": {
            "kind": "moments",
            "xx": [[1.0, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.01]],
            "xy": [[-0.6, -0.2, -0.5], [0.1, -0.1, -0.2], [0.0, 0.1, 0.1]],
            "yy": 3.6,
        },
    }
    told = summary("minima", bounded)[0]
    assert told.startswith("The best weights found")
    assert "is open" in told


def test_words_of_numbers() -> None:
    assert [figure(value) for value in (0.0123456, 4443.0, 1.5e7, 2.0)] == ["0.0123", "4,440", "1.5e+07", "2"]
    assert (count_of(1, "layer"), count_of(2, "layer"), count_of(1200, "point")) == (
        "one layer",
        "two layers",
        "1,200 points",
    )
    assert (listed([1]), listed([1, 2]), listed([1, 2, 3])) == ("1", "1 and 2", "1, 2 and 3")
