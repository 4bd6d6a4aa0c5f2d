"""Solvers declare what follows from their answers: nothing beside their rows asks for one by its name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import service
from service.core.catalogue import MODEL_SOLVERS, SEARCHES, SOLVERS
from service.core.ground.roles import Search

ROOT = Path(service.__file__).parent
NAMES = {row.name for row, _ in SOLVERS} | {row.name for row in MODEL_SOLVERS}
ROWS = ("core/solvers/", "core/models/vae_minima.py")
"""Where solvers are written: there each knows its own name."""
WORDS = {
    # words of the wire for a kind of noise, and for the model of autoencoders
    "schemas/network.py": {"dropout"},
    "schemas/problem.py": {"dropout"},
    "schemas/request.py": {"dropout", "linear_vae"},
    "vocabulary.py": {"linear_vae"},
    "operations/model_files/requests.py": {"dropout"},
    # a word of other libraries
    "schemas/suggestions.py": {"dropout"},
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        place = str(path.relative_to(ROOT))
        if not place.startswith(ROWS):
            yield place, ast.parse(path.read_text(encoding="utf-8"))


def named(tree: ast.AST) -> set[str]:
    """Names of solvers that stand in the code as texts."""
    return {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    } & NAMES


def compared(tree: ast.AST) -> Iterator[str]:
    """Comparisons of the solver that an answer bears, with anything but a table that says more."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Attribute) and side.attr == "solver" for side in sides) and not any(
                isinstance(one, ast.Is | ast.IsNot) for one in node.ops
            ):
                yield ast.unparse(node)


def test_no_module_names_a_solver() -> None:
    found = {place: names for place, tree in modules() if (names := named(tree))}
    assert found == WORDS


def test_no_module_compares_the_solver_of_an_answer() -> None:
    found = {place: seen for place, tree in modules() if (seen := list(compared(tree)))}
    # a look-up in the tables, by whatever name an answer bears
    assert found == {"core/catalogue.py": ["solution.solver in BY_NAME"] * 2 + ["row.name == solution.solver"]}


@pytest.mark.parametrize(
    "code",
    [
        "if claimed.solution.solver != VAE_SOLVER: pass",
        "if solution.solver == 'deep_bounded': pass",
        "if answer.solver in ('a', 'b'): pass",
    ],
)
def test_a_comparison_would_be_seen(code: str) -> None:
    assert list(compared(ast.parse(code)))


@pytest.mark.parametrize("code", ["row = BY_NAME['noisy_bounded']", "for name in ('linear_vae', 'other'): pass"])
def test_a_name_would_be_seen(code: str) -> None:
    assert named(ast.parse(code))


def test_each_kind_of_search_has_one_solver_that_says_what_it_takes() -> None:
    assert set(SEARCHES) == set(Search)
    assert len(SEARCHES) == sum(row.searches is not None for row, _ in SOLVERS)
    for row in SEARCHES.values():
        assert row.seconds is not None
