"""House rules for docstrings: public functions of the core that take or return arrays say their shapes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "service" / "core"
ARRAYS = {"FloatArray", "IntArray", "BoolArray", "ComplexArray", "AnyArray", "Twofold", "NDArray", "ndarray"}
CODE = re.compile(r"`+[^`]*`+")
SHAPE = re.compile(
    r"(?<![\w.])\((?:[^()]|\([^()]*\))*\w,(?:[^()]|\([^()]*\))*\)|(?<![\w.])\(\w+\([^()]*\),|\bshapes?\b"
)
"""A tuple that is not the arguments of a call, or the word."""


def says_a_shape(docstring: str) -> bool:
    """Whether a docstring says a shape outside its formulas."""
    return SHAPE.search(CODE.sub("", docstring)) is not None


def _names(node: ast.AST) -> set[str]:
    """Names of an annotation, written as such, behind a dot, or in quotes."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.Attribute):
            found.add(each.attr)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            found |= set(re.findall(r"\w+", each.value))
    return found


def _takes_arrays(function: ast.FunctionDef) -> bool:
    annotations = [
        each.annotation for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    ]
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
                if not says_a_shape(ast.get_docstring(function) or ""):
                    silent.append(f"{path.relative_to(CORE)}:{function.lineno} {function.name}")
    assert seen > 300
    assert not silent, "docstrings without the shapes of arrays, such as (k, d):\n" + "\n".join(silent)


@pytest.mark.parametrize(
    ("docstring", "said"),
    [
        ("A map (k, d).", True),
        ("Values (m,), ascending.", True),
        ("Singular values (min(k, r),) of a map.", True),
        ("The slope, of the same shape.", True),
        ("The larger of max(a, b) and zero.", False),
        ("The formula ``max(1, ||W||^2)`` of `norm(x, y)`.", False),
        ("The triple ``(left, values, right)``.", False),
        ("A number (positive).", False),
    ],
)
def test_what_counts_as_a_shape(docstring: str, said: bool) -> None:
    assert says_a_shape(docstring) is said
