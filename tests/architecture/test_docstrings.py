"""House rules for docstrings: public functions that take or return arrays say their shapes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2] / "service"
ARRAYS = {"FloatArray", "IntArray", "BoolArray", "ComplexArray", "AnyArray", "Twofold", "NDArray", "ndarray"}
CODE = re.compile(r"`+[^`]*`+")
SHAPE = re.compile(
    r"(?<![\w.])\((?:[^()]|\([^()]*\))*\w,(?:[^()]|\([^()]*\))*\)|(?<![\w.])\(\w+\([^()]*\),|\bshapes?\b"
)
"""A tuple that is not the arguments of a call, or the word."""
ENTRY = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \w+)*) : (?P<said>.*(?:\n(?: +.*)?)*)", re.MULTILINE)
"""An entry of a list of parameters, with what is said below it."""


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


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _takes_arrays(function: ast.FunctionDef) -> bool:
    annotations = [each.annotation for each in _parameters(function)]
    return any(_names(each) & ARRAYS for each in (*annotations, function.returns) if each is not None)


def _section(docstring: str, title: str) -> str:
    """What stands below a heading of numpydoc, up to the next one."""
    _, found, rest = docstring.partition(f"{title}\n{'-' * len(title)}\n")
    return re.split(r"\n\w+\n-{3,}", rest)[0] if found else ""


def _shapeless(function: ast.FunctionDef) -> list[str]:
    """Arrays whose own entry of a list of parameters, or of what is returned, says no shape; where there are lists."""
    docstring = ast.get_docstring(function) or ""
    said = {
        name: entry["said"]
        for entry in ENTRY.finditer(_section(docstring, "Parameters"))
        for name in entry["names"].split(", ")
    }
    missing = [
        each.arg
        for each in _parameters(function)
        if said and each.annotation is not None and _names(each.annotation) & ARRAYS
        if not says_a_shape(said.get(each.arg, ""))
    ]
    returned = _section(docstring, "Returns")
    if returned and function.returns is not None and _names(function.returns) & ARRAYS and not says_a_shape(returned):
        missing.append("what is returned")
    return missing


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def test_public_functions_of_arrays_say_their_shapes() -> None:
    silent, seen = [], 0
    for path in sorted(SERVICE.rglob("*.py")):
        for function in _public(ast.parse(path.read_text(encoding="utf-8")).body):
            if _takes_arrays(function):
                seen += 1
                missing = _shapeless(function) if says_a_shape(ast.get_docstring(function) or "") else ["arrays"]
                if missing:
                    silent.append(f"{path.relative_to(SERVICE)}:{function.lineno} {function.name}: {missing}")
    assert seen > 400
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


@pytest.mark.parametrize(
    ("entries", "silent"),
    [
        ("x, y : (n, d) arrays\nscale : float", []),
        ("x : array\ny : (n, k) array\nscale : float", ["x"]),
        ("x : array\n    Of shape (n, d).\ny : (n, k) array\nscale : float", []),
        ("y : (n, k) array\nscale : float", ["x"]),
        ("x : (n, d) array\ny : (n, k) array\n\nReturns\n-------\narray\n    Sums.", ["what is returned"]),
    ],
)
def test_each_array_of_a_list_says_its_shape(entries: str, silent: list[str]) -> None:
    docstring = f"Sums (n,).\n\nParameters\n----------\n{entries}"
    written = f"def sums(x: FloatArray, y: FloatArray, scale: float) -> FloatArray:\n    {docstring!r}"
    function = ast.parse(written).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert _shapeless(function) == silent
