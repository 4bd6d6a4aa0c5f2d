"""House rules for docstrings: public functions of the core that take or return arrays say their shapes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CORE = Path(__file__).parents[2] / "service" / "core"
ARRAYS = {"FloatArray", "IntArray", "BoolArray", "ComplexArray", "AnyArray", "Twofold"}
SHAPE = re.compile(r"\([^()]*\w+,[^()]*\)|shape")


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _takes_arrays(function: ast.FunctionDef) -> bool:
    annotations = [each.annotation for each in (*function.args.args, *function.args.kwonlyargs)]
    return any(_names(each) & ARRAYS for each in (*annotations, function.returns) if each is not None)


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def test_public_functions_of_arrays_say_their_shapes() -> None:
    silent, seen = [], 0
    for path in sorted(CORE.rglob("*.py")):
        for function in _public(ast.parse(path.read_text(encoding="utf-8")).body):
            if _takes_arrays(function):
                seen += 1
                if not SHAPE.search(ast.get_docstring(function) or ""):
                    silent.append(f"{path.relative_to(CORE)}:{function.lineno} {function.name}")
    assert seen > 300
    assert not silent, "docstrings without the shapes of arrays, such as (k, d):\n" + "\n".join(silent)
