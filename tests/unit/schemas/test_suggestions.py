"""Messages that hold the word that repairs what was sent."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InputError
from service.operations.minima import parse
from service.schemas.suggestions import ALIKE, MEANT, kind_of, nearest, of_choice, of_unknown

BODY: dict[str, Any] = {
    "network": {"layers": [{"width": 4, "weight_decay": 0.1}, {"width": 1}]},
    "data": {"kind": "samples", "x": [[1.0], [2.0]], "y": [[1.0], [2.0]]},
}
LAYER = ("network", "layers", 0)
MISTAKES: list[tuple[tuple[str | int, ...], Any, str]] = [
    ((*LAYER, "weightdecay"), 1.0, "`weight_decay`"),
    ((*LAYER, "weight-decay"), 1.0, "`weight_decay`"),
    ((*LAYER, "decay"), 1.0, "`weight_decay`"),
    ((*LAYER, "l2"), 1.0, "`weight_decay`"),
    ((*LAYER, "units"), 4, "`width`"),
    ((*LAYER, "neurons"), 4, "`width`"),
    ((*LAYER, "act"), "relu", "`activation`"),
    ((*LAYER, "activaton"), "relu", "`activation`"),
    ((*LAYER, "dropout"), 0.5, "`noise`"),
    ((*LAYER, "colour"), 1, "weight_decay, width"),
    ((*LAYER, "noise"), {"kind": "dropout", "p": 0.5}, "`rate`"),
    ((*LAYER, "noise"), {"kind": "drop_out", "rate": 0.5}, "`dropout`"),
    ((*LAYER, "width"), "4", "not a text"),
    (("network", "fit_intercept"), True, "`bias`"),
    (("network", "hidden_layers"), [], "`layers`"),
    (("network", "layers"), {}, "not an object"),
    (("data", "targets"), [], "`y`"),
    (("data", "X"), [], "`x`"),
    (("data", "center"), True, "known here"),
    (("data", "standardize"), True, "`standardise`"),
    (("data", "kind"), "sample", "`samples`"),
    (("data", "x"), None, "not null"),
    (("objective",), {"convention": "half"}, "'half_mean'"),
    (("objective",), {"convention": "pytorch"}, "`torch`"),
    (("retrun",), {}, "`return`"),
    (("model",), {}, "`network`"),
    (("timeout",), 5, "`time_limit_s`"),
]


@pytest.mark.parametrize(("at", "value", "says"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_typical_mistake_is_repaired_by_its_message(at: tuple[str | int, ...], value: Any, says: str) -> None:
    body: Any = copy.deepcopy(BODY)
    holder = body
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = value
    with pytest.raises(InputError) as caught:
        parse(body)
    assert any(says in field.detail for field in caught.value.fields), caught.value.fields


@given(st.text(max_size=80))
def test_no_message_repeats_what_was_sent_unless_it_is_a_known_word(word: str) -> None:
    known = ["weight_decay", "width"]
    assert nearest(word, known) in (None, *known)
    said = of_unknown(word, known)
    assert said in {"; did you mean `width`?", "; did you mean `weight_decay`?", "; known here: weight_decay, width"}


@given(st.sampled_from(["weight_decay", "activation", "time_limit_s"]), st.integers(0, 30), st.sampled_from("qxz"))
def test_one_letter_too_many_is_near(word: str, at: int, letter: str) -> None:
    wrong = word[: at % len(word)] + letter + word[at % len(word) :]
    assert nearest(wrong, [word, "width", "noise"]) == word
    assert 0.0 < ALIKE < 1.0


def test_words_of_others_are_no_words_of_ours_twice() -> None:
    for word, meant in MEANT.items():
        assert word == word.lower()
        assert len(set(meant)) == len(meant)
    assert of_choice(3, "'a' or 'b'") == of_choice("q", "nothing") == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "null"), (True, "true or false"), ("a", "a text"), (1.5, "a number"), ([], "an array"), ({}, "an object")],
)
def test_kinds_of_values(value: object, said: str) -> None:
    assert kind_of(value) == said
