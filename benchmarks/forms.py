"""What the two forms cost that a request could do without: the document before it, and the model of its answer."""

from collections.abc import Callable
from statistics import median
from typing import Any, Final

import numpy as np
import orjson
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.comparison import Comparison, best_core_time
from benchmarks.problems import problems
from service.operations.asking import Question, ask
from service.schemas.minima import MinimaAnswer
from service.schemas.request import MinimaRequest
from service.settings import Settings
from service.web.bodies.documents import parse_json
from service.web.responses import rendered

PROBLEMS: Final = 50
ROUNDS: Final = 41
SAMPLES: Final = (1_000, 100)
DOCUMENT_TARGET: Final = 0.8
"""Reading without a document takes at least that share of the time with one: it saves a fifth of reading at most."""
ANSWER_TARGET: Final = 0.15
"""Share of a request that an answer may take as a model, checked and written, beyond the same numbers written."""


def compare() -> list[Comparison]:
    """The document before a request, and the model of an answer, against what takes their place."""
    with threadpool_limits(limits=1):
        small = list(problems(PROBLEMS, seed=11))
        found = [_without_document(small, f"{PROBLEMS} problems of 10 inputs")]
        found.append(_without_document([_on_samples(small[0])], "1,000 x 100 samples"))
        return [*found, _without_model(small)]


def _without_document(asked: list[dict[str, Any]], size: str) -> Comparison:
    """Validate bytes as pydantic can, which knows neither limits nor references nor archives; or a document."""
    bodies = [orjson.dumps({"problem": each}) for each in asked]
    straight, by_document = _times(
        lambda: [MinimaRequest.model_validate_json(body) for body in bodies],
        lambda: [MinimaRequest.model_validate(parse_json(body)) for body in bodies],
    )
    work = f"bytes to request at once, {size}"
    return Comparison(work, straight, "by way of a document", by_document, "s", DOCUMENT_TARGET, at_least=True)


def _without_model(asked: list[dict[str, Any]]) -> Comparison:
    """What a model of the answer costs, beyond writing its values as they are."""
    limits = Settings(workers=0)
    questions = [ask("minima", each, limits) for each in asked]
    values = [_answer(question, limits).model_dump(exclude_unset=True) for question in questions]
    as_model, as_values, whole = _times(
        lambda: [rendered(MinimaAnswer.model_validate(each)) for each in values],
        lambda: [orjson.dumps(each) for each in values],
        lambda: [rendered(_answer(ask("minima", each, limits), limits)) for each in asked],
    )
    work = "model of the answer, beyond its values written"
    return Comparison(work, as_model - as_values, "the whole request", whole, "s", ANSWER_TARGET, at_least=False)


def _answer(question: Question, limits: Settings) -> MinimaAnswer:
    answer = question.answer(limits)
    assert isinstance(answer, MinimaAnswer)
    return answer


def _on_samples(problem: dict[str, Any]) -> dict[str, Any]:
    x = np.random.default_rng(12).normal(size=SAMPLES)
    return problem | {"data": {"kind": "samples", "x": x.tolist(), "y": x[:, 0].tolist()}}


def _times(*works: Callable[[], object]) -> list[float]:
    """The middle of the times of each, which take turns: what else the machine does meets all of them."""
    rounds = [[best_core_time(work, repeats=1) for work in works] for _ in range(ROUNDS)]
    return [median(times) for times in zip(*rounds, strict=True)]
