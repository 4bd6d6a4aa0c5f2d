"""Answers are built as models: what operations still write as free-form dictionaries is listed, with its reason."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import service
from service.operations.loaded import load
from service.operations.table import OPERATIONS

ROOT = Path(service.__file__).parent
FREE = {"Any", "Json", "object"}

REQUEST = "a request or a part of one, as it is stored or was sent"
TRAVELS = "an answer that was typed where it was made, on its way between processes"
FREE_FORM: dict[str, str] = {
    "asking.py: stored": REQUEST,
    "questions.py: stored": REQUEST,
    "questions.py: question_of": REQUEST,
    "batches.py: stored": REQUEST,
    "batches.py: _stored": REQUEST,
    "model_files/onnx_file.py: _attributes": "what the nodes of a graph say, by name",
    "refusals.py: _facts": "fields of the model that is made of them",
    "model_files/requests.py: with_model": REQUEST,
    "model_files/requests.py: _network": REQUEST,
    "model_files/requests.py: _layer": REQUEST,
    "model_files/requests.py: _weights": REQUEST,
    "model_files/layers.py: with_layers": REQUEST,
    "model_files/layers.py: _named": REQUEST,
    "plans/compression.py: _part": "arguments of chunks",
    "loaded.py: examples_of": REQUEST,
    "mapping/hashing.py: canonical": "a problem as it is hashed, whose arrays are not copied",
    "mapping/hashing.py: _without_defaults": "a part of it",
    "mapping/datasets.py: data": REQUEST,
    "mapping/datasets.py: _without_evaluation": REQUEST,
    "mapping/datasets.py: _numbers": REQUEST,
    "mapping/datasets.py: factor_document": REQUEST,
    "plans/packing.py: pack": "a problem of the core on its way to chunks",
    "plans/selection.py: _document": REQUEST,
    "plans/selection_chunks.py: _document": REQUEST,
    "plans/selection_answer.py: _joined": "columns of chunks on their way to an answer",
    "plans/sweep_axes.py: packed": "axes of the core on their way to chunks",
    "plans/pictures.py: arguments": "arguments of a reducer",
    "mapping/relu_objective.py: to_arguments": "an objective of the core on its way to chunks",
    "plans/plan.py: to_json": "a chunk as it is stored",
    "plans/plan.py: document_of": TRAVELS,
    "plans/running.py: run_here": TRAVELS,
    "plans/running.py: _chunks_here": TRAVELS,
    "plans/columns.py: reference": TRAVELS,
    "plans/columns.py: joined": TRAVELS,
    "plans/columns.py: put": TRAVELS,
    "plans/columns.py: plain": TRAVELS,
    "plans/columns.py: with_nulls": "nested lists of any depth",
}


def free_form() -> Iterator[str]:
    """Functions of operations whose result may hold anything under any name."""
    for path in sorted((ROOT / "operations").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.returns is not None and _is_free(node.returns):
                yield f"{path.relative_to(ROOT / 'operations')}: {node.name}"


def _is_free(annotation: ast.expr) -> bool:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id == "Json":
            return True
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("dict", "Mapping")
        ):
            values = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) else node.slice
            if isinstance(values, ast.Name) and values.id in FREE:
                return True
    return False


def test_free_form_results_are_listed_with_their_reasons() -> None:
    found = set(free_form())
    assert sorted(found - FREE_FORM.keys()) == []
    assert sorted(FREE_FORM.keys() - found) == []


def test_a_free_form_result_would_be_seen() -> None:
    for text in ("dict[str, Any]", "list[dict[str, Json]]", "Mapping[str, object]", "Json", "tuple[Json, str]"):
        assert _is_free(ast.parse(text, mode="eval").body)
    for text in ("SlicesAnswer", "dict[str, str]", "list[float | None]", "Mapping[str, float]"):
        assert not _is_free(ast.parse(text, mode="eval").body)


def test_functions_of_plans_say_which_model_they_return() -> None:
    free: list[str] = []
    for row in OPERATIONS:
        work = load(row).work if row.job else None
        for name, function in (work.functions if work is not None else {}).items():
            # `in_range` keeps what it wraps
            returned = inspect.signature(function).return_annotation
            free += [f"{row.name}: {name}"] if returned in (Any, inspect.Signature.empty) else []
    assert free == []
