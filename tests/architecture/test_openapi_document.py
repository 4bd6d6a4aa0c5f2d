"""The OpenAPI document is valid, complete in itself, and says what validators and generators of clients understand."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import service.operations
import service.schemas
from service.schemas.base import Wire
from service.schemas.error_kinds import BY_CODE
from service.settings import Settings
from service.web.app import create_app
from service.web.openapi import document
from tests.support.openapi import DOCUMENT, PROBLEM, SCHEMAS, operations, parameters_of, resolved, schema_objects

OPERATIONS = operations()
KEYWORDS = {
    *("$ref", "type", "enum", "const", "anyOf", "oneOf", "allOf", "not"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "format", "contentMediaType", "contentEncoding"),
    *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    "discriminator",  # of OpenAPI
}
"""Of JSON Schema 2020-12; a keyword that it does not have is ignored by whoever reads the document."""


def references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "$ref":
                yield item
            elif name == "mapping":
                yield from item.values()
            else:
                yield from references(item)


def test_the_document_is_valid() -> None:
    assert [str(error.message) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_no_reference_leads_nowhere() -> None:
    missing = set()
    for reference in references(DOCUMENT):
        try:
            resolved({"$ref": reference})
        except KeyError:
            missing.add(reference)
    assert missing == set()


def test_no_component_is_left_over() -> None:
    """Whatever is described is also sent or received."""
    found = {reference.removeprefix("#/components/") for reference in references(DOCUMENT)}
    described = {
        f"{kind}/{name}"
        for kind, components in DOCUMENT["components"].items()
        if kind not in {"securitySchemes", "examples"}
        for name in components
    }
    assert described - found == set()


def test_schemas_are_named_without_the_modules_they_stand_in() -> None:
    assert [name for name in SCHEMAS if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)] == []
    titles = [schema["title"] for schema in SCHEMAS.values() if "title" in schema]
    assert sorted(titles) == sorted(set(titles)), "two schemas have one title, from which generators take their names"


def test_every_keyword_is_one_of_json_schema() -> None:
    unknown = {keyword for schema in schema_objects() for keyword in schema if not keyword.startswith("x-")} - KEYWORDS
    assert unknown == set()


def test_bounds_of_integers_that_may_be_left_out_are_stated() -> None:
    """Such a field is a union, whose bound stands with its integer."""
    n, _ = SCHEMAS["Moments"]["properties"]["n"]["anyOf"]
    assert n == {"type": "integer", "minimum": 1, "maximum": 10**15}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_says_what_it_holds(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if status in {"204", "304"}:
            assert content == {}
        else:
            assert content, f"{status} has no content"
            assert all(form.get("schema") for form in content.values()), status


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_is_a_problem_document(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    for status, response in operation["responses"].items():
        if status >= "400":
            assert set(response["content"]) == {PROBLEM}, status
            described = response["content"][PROBLEM]
            assert described["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
            shown = [resolved(example)["value"] for example in described["examples"].values()]
            assert {example["status"] for example in shown} == {int(status)}
            assert all(example["type"].removeprefix("/problems/") in BY_CODE for example in shown)


@pytest.mark.parametrize("name", OPERATIONS)
def test_parameters_that_can_be_refused_say_so(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    anything = {"type": "string"}
    checked = [
        parameter["name"]
        for parameter in parameters_of(operation)
        if {"type": resolved(parameter["schema"]).get("type")} != anything or parameter["name"] == "cursor"
    ]
    refused = operation["responses"].get("422", {}).get("content", {}).get(PROBLEM, {}).get("examples", {})
    assert not checked or "invalid-input" in refused, checked


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_that_may_run_as_a_job_takes_prefer_and_says_where_its_job_is(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    taken = {parameter["name"] for parameter in parameters_of(operation)}
    runs_as_a_job = "requestBody" in operation and "202" in operation["responses"]
    assert ("Prefer" in taken) is runs_as_a_job
    if runs_as_a_job:
        for status in ("200", "202"):
            assert {"Location", "Preference-Applied"} <= set(operation["responses"][status]["headers"])


def test_results_have_the_content_of_every_operation_that_may_run_as_a_job() -> None:
    results = OPERATIONS["get_job_results"][2]["responses"]["200"]["content"]
    told = [schema["$ref"] for schema in results["application/json"]["schema"]["anyOf"]]
    expected = {"#/components/schemas/PartialResults"}
    forms = set()
    for _, _, operation in OPERATIONS.values():
        if "requestBody" in operation and "202" in operation["responses"]:
            content = operation["responses"]["200"]["content"]
            forms |= set(content)
            expected |= {schema["$ref"] for schema in content["application/json"]["schema"]["anyOf"]}
    assert set(told) == expected - {"#/components/schemas/JobStatus"}
    assert len(told) == len(set(told)) > 10
    assert set(results) == forms


def test_the_headers_of_events_and_results_are_parameters() -> None:
    taken = {
        name: {(parameter["name"], parameter["in"]) for parameter in parameters_of(OPERATIONS[name][2])}
        for name in ("get_job_events", "get_job_results")
    }
    assert ("Last-Event-ID", "header") in taken["get_job_events"]
    assert ("If-None-Match", "header") in taken["get_job_results"]


def test_a_document_that_is_changed_changes_no_other() -> None:
    app = create_app(Settings(log_level="error"))
    untouched = json.dumps(document(app))
    changed = document(app)
    emptied = [*changed["components"].values(), *changed["paths"].values()]
    for part in [each for one in emptied for each in one.values()]:
        for inner in part.values():
            if isinstance(inner, dict | list):
                inner.clear()
    assert json.dumps(document(app)) == untouched


def undescribed(schemas: dict[str, Any]) -> list[str]:
    """Schemas and fields that have no words of their own; those of the schema that a field refers to are not enough."""
    fields = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, made in schema.get("properties", {}).items()
        if not made.get("description")
    ]
    return fields + [name for name, schema in schemas.items() if not schema.get("description")]


def test_every_schema_and_field_is_described() -> None:
    assert undescribed(SCHEMAS) == []


@pytest.mark.parametrize(
    "field",
    [
        {"anyOf": [{"$ref": "#/components/schemas/Bar"}, {"type": "null"}]},
        {"$ref": "#/components/schemas/Bar"},
        {"type": "string", "const": "bar"},
        {"type": "string", "description": ""},
    ],
)
def test_a_field_without_a_description_would_be_seen(field: dict[str, Any]) -> None:
    assert undescribed({"Foo": {"description": "A thing.", "properties": {"bar": field}}}) == ["Foo.bar"]


def test_every_model_is_described_also_those_of_partial_results() -> None:
    """Parts of answers are seen while a job runs, though no schema of the document has them."""
    for package in (service.schemas, service.operations):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    models = {model for model in descendants(Wire) if model.__module__.startswith("service.")}
    assert len(models) > 150
    silent = [
        f"{model.__module__}.{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert sorted(silent) == []


def descendants(model: type[Wire]) -> Iterator[type[Wire]]:
    for each in model.__subclasses__():
        yield each
        yield from descendants(each)


def test_every_parameter_is_described() -> None:
    found = {
        (name, parameter["name"])
        for name, (_, _, operation) in OPERATIONS.items()
        for parameter in parameters_of(operation)
        if not parameter.get("description")
    }
    assert found == set()
