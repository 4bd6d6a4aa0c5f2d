"""The kept questions and answers: one compressed file."""

import gzip
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.answers.asking import answers_of
from tests.support.answers.comparing import differences, shortened
from tests.support.answers.questions import Question, questions

ROOT: Final = Path(__file__).parents[3]
FILE: Final = ROOT / "tests" / "reference" / "answers" / "requests.json.gz"
COMMAND: Final = "make answers"


@dataclass(frozen=True)
class Kept:
    """What was asked and answered, and by which engine."""

    engine_version: str
    questions: list[Question]
    answers: dict[str, Any]


def load(file: Path = FILE) -> Kept:
    """What is kept in a file."""
    held = json.loads(gzip.decompress(file.read_bytes()))
    return Kept(held["engine_version"], [Question(**each) for each in held["questions"]], held["answers"])


def save(kept: Kept, file: Path = FILE) -> None:
    """Write a file whose bytes depend on nothing but what is kept."""
    text = json.dumps(asdict(kept), separators=(",", ":"), sort_keys=True)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def record(checkout: Path = ROOT) -> Kept:
    """Ask a checkout everything."""
    asked = questions()
    return Kept(engine_version(checkout), asked, shortened(answers_of(checkout, asked)))


def engine_version(checkout: Path = ROOT) -> str:
    """The version of a checkout's engine."""
    return str(_found(r'^ENGINE_VERSION: Final = "(.+)"', checkout / "service" / "version.py"))


def is_released(version: str, checkout: Path = ROOT) -> bool:
    """Whether the changelog says that a version is out, so that its answers may be stored anywhere."""
    return _found(rf"^## {re.escape(version)}( \(unreleased\))?", checkout / "CHANGELOG.md") is None


def _found(pattern: str, file: Path) -> Any:
    match = re.search(pattern, file.read_text(encoding="utf-8"), re.M)
    if match is None:
        raise LookupError(f"{file.name} has no line {pattern}")
    return match[1]


def changed(kept: Kept, answers: dict[str, Any]) -> list[str]:
    """Every difference of new answers from the kept ones, one a line; those of wording alone are marked."""
    return [
        f"{'words of ' if difference.wording else ''}{name}: {difference}"
        for name, answer in answers.items()
        for difference in differences(kept.answers[name], answer)
    ]


def still_asked(before: Kept, now: Kept) -> dict[str, Any]:
    """The new answers to questions that were asked before just so."""
    old = {question.name: question for question in before.questions}
    same = {question.name for question in now.questions if old.get(question.name) == question}
    # an answer is verified as this engine gives it
    return {
        question.name: now.answers[question.name]
        for question in now.questions
        if question.name in same and (question.method != "VERIFY" or question.path in same)
    }


def advice(kept: Kept, version: str, lines: list[str]) -> str:
    """What a maintainer has to do about changed answers."""
    if kept.engine_version == version and not all(line.startswith("words of ") for line in lines):
        return f"answers changed: raise the engine's version (service/version.py) and store anew by `{COMMAND}`"
    return f"answers or words changed: store anew by `{COMMAND}`"
