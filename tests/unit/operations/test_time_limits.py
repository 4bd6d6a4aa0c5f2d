"""The time that a caller allows: a search ends in it with what it has, and says so."""

from typing import Any

import numpy as np

from service.operations.guards import SEARCHED, SearchTime
from service.operations.minima import minima, parse
from service.settings import Limits


def noisy(limit_s: float | None) -> dict[str, Any]:
    """A network of 14 noisy neurons in two layers: a search of some seconds of a core."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(100, 14))
    y = x @ rng.normal(size=(14, 8)) + rng.normal(size=(100, 8))
    hidden = {"width": 14, "weight_decay": 0.05, "noise": {"kind": "dropout", "rate": 0.3}}
    problem = {
        "network": {"layers": [hidden, hidden, {"width": 8, "weight_decay": 0.05}]},
        "data": {"kind": "samples", "x": x.tolist(), "y": y.tolist()},
    }
    return {"problem": problem, **({} if limit_s is None else {"time_limit_s": limit_s})}


def test_a_search_ends_with_the_best_so_far_and_says_what_would_help() -> None:
    hurried = minima(parse(noisy(0.1)).request, Limits())
    assert hurried.status == "bounded"
    assert "time_limit_s" in (hurried.numerics.advice or "")
    certificate = hurried.certificate
    assert 0.0 < certificate.lower_bound <= certificate.upper_bound
    unhurried = minima(parse(noisy(None)).request, Limits())
    assert "time_limit_s" not in (unhurried.numerics.advice or "")
    assert unhurried.certificate.upper_bound <= certificate.upper_bound * (1.0 + 1e-9)
    assert certificate.lower_bound <= unhurried.certificate.upper_bound


def test_enough_time_changes_nothing() -> None:
    body = noisy(None)
    body["problem"]["network"]["layers"] = [{"width": 4, "weight_decay": 0.1}, {"width": 8, "weight_decay": 0.1}]
    answer = minima(parse(body).request, Limits())
    assert minima(parse({**body, "time_limit_s": 25.0}).request, Limits()) == answer


def test_the_time_counted_is_that_of_the_thread() -> None:
    allowed = SearchTime(SEARCHED * 1e6)
    assert not allowed()
    over = SearchTime(-1.0)
    assert over()
    assert over.over
