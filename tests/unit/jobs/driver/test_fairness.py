from collections import Counter

import pytest

from service.jobs.driver.fairness import FairQueue


def test_turns_follow_the_weights() -> None:
    fair = FairQueue()
    fair.add("light", 1)
    fair.add("heavy", 3)
    turns = Counter(fair.next(["light", "heavy"]) for _ in range(400))
    assert turns["heavy"] == pytest.approx(300, abs=60)
    assert turns["light"] >= 100


def test_a_newcomer_gets_its_first_two_turns_within_three() -> None:
    fair = FairQueue()
    fair.add("long", 1)
    for _ in range(5000):
        fair.next(["long"])
    for offset in range(4):
        name = f"short{offset}"
        fair.add(name, 1)
        turns = [fair.next(["long", name]) for _ in range(3)]
        assert turns.count(name) >= 2
        fair.remove(name)
        fair.next(["long"])


def test_a_stream_of_newcomers_does_not_starve_anybody() -> None:
    fair = FairQueue()
    fair.add("long", 1)
    served = 0
    for number in range(300):
        name = f"short{number}"
        fair.add(name, 1)
        turns = [fair.next(["long", name]) for _ in range(2)]
        served += turns.count("long")
        fair.remove(name)
    assert served >= 150


def test_only_those_with_work_are_chosen() -> None:
    fair = FairQueue()
    fair.add("a", 1)
    fair.add("b", 1)
    assert {fair.next(["b"]) for _ in range(9)} == {"b"}
    fair.remove("b")
    fair.remove("b")
    assert fair.next(["a"]) == "a"
