"""Each refusal of an operation stands in `docs/bad-input.md`, so that some test asks for it, word for word."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
OPERATIONS: Final = ROOT / "service" / "operations"
RAISED: Final = {"InputError.at": 1, "FieldError": 1, "LimitExceeded": 3}
"""What makes a refusal, and the place of its words among the arguments."""
ASKED_ELSEWHERE: Final = {
    "mapping/claims.py": "`minima verify` says it: tests/unit/operations/test_verify.py alters answers",
    "mapping/recognised.py": "`minima verify` says it: tests/unit/operations/test_verify.py gives it other documents",
    "verify.py": "`minima verify` says it",
    "relu_bounds_verify.py": "`minima verify` says it, as of the answers of `relu_verify.py`",
    "relu_verify.py": "`minima verify` says it: tests/unit/operations/test_relu_verify.py alters answers",
    "magnitudes.py": "needs numbers at the ends of double precision: tests/unit/operations/test_magnitudes.py",
    "mapping/extreme_data.py": "as above",
    "must not be dataset here: only a server knows what was uploaded to it": "`minima solve` says it",
    "mapping/datasets.py": "needs an upload: tests/unit/operations/mapping/test_datasets.py",
    "must be samples or a factor: each target is standardised on its own": "targets beyond 1e154 beside others",
    "must be the index of a branch or of the origin": "no stationary point of one curve is anything else today",
    "must hold numbers that are separated as the options say": "only if a reader of csv refuses what Python reads",
    "belongs to full answers; leave it out or the columns of the batch's `return`": "answers one problem of a batch",
    "seconds for this many values": "needs a slow solver and a million values",
}
"""A file, or the words of one refusal, that no case of bad input reaches, and why."""


def _texts(module: ast.Module) -> Mapping[str, list[ast.expr]]:
    """What is assigned to each name of a module, anywhere in it."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(module):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found[target.id].append(node.value)
    return found


def _patterns(node: ast.expr, names: Mapping[str, list[ast.expr]]) -> Iterator[tuple[str, str]]:
    """A refusal as it is written and as a pattern, for each form that it can have."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, re.escape(node.value)
    elif isinstance(node, ast.JoinedStr):
        parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in node.values]
        yield ast.unparse(node), "".join(parts)
    elif isinstance(node, ast.IfExp):
        yield from _patterns(node.body, names)
        yield from _patterns(node.orelse, names)
    elif isinstance(node, ast.Name):
        for value in names.get(node.id, []):
            yield from _patterns(value, names)


def refusals() -> Iterator[tuple[str, str, str]]:
    """File, words and pattern of every refusal that is written out where it is raised."""
    for path in sorted(OPERATIONS.rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        names = _texts(module)
        for node in ast.walk(module):
            place = RAISED.get(ast.unparse(node.func)) if isinstance(node, ast.Call) else None
            if isinstance(node, ast.Call) and place is not None and len(node.args) > place:
                for words, pattern in _patterns(node.args[place], names):
                    yield path.relative_to(OPERATIONS).as_posix(), words, pattern


def test_every_refusal_is_shown() -> None:
    shown = (ROOT / "docs" / "bad-input.md").read_text(encoding="utf-8").replace("\\|", "|")
    found = list(refusals())
    assert len(found) > 200
    missing = {(path, words) for path, words, pattern in found if not re.search(pattern, shown)}
    unexplained = {(path, words) for path, words in missing if not {path, words} & set(ASKED_ELSEWHERE)}
    assert not unexplained, "add a case to tests/contract/bad_input_rules.py, then `make bad-input`"
    stale = {row for row in ASKED_ELSEWHERE if not any(row in each for each in missing)}
    assert not stale, "shown by now: take the row out"
