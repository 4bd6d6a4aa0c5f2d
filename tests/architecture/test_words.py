"""One meaning a word: two classes of the service share a name only as a value of the core and its form on the wire."""

import ast
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

SERVICE = Path(__file__).parents[2] / "service"
TWINS = ["core", "schemas"]


def places_of_classes() -> Mapping[str, list[str]]:
    """Public classes by name, with the files that define them."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SERVICE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(SERVICE)))
    return found


def ambiguous(places: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Names with two meanings."""
    return {
        name: files
        for name, files in places.items()
        if len(files) > 1 and sorted(file.split("/")[0] for file in files) != TWINS
    }


def test_no_name_of_a_class_has_two_meanings() -> None:
    places = places_of_classes()
    assert len(places) > 500
    assert ambiguous(places) == {}


def test_a_second_meaning_would_be_seen() -> None:
    assert ambiguous({"Step": ["core/a.py", "core/b.py"]})
    assert ambiguous({"Step": ["core/a.py", "jobs/b.py"]})
    assert ambiguous({"Step": ["core/a.py", "schemas/b.py", "web/c.py"]})
    assert not ambiguous({"Step": ["core/a.py", "schemas/b.py"], "Row": ["core/a.py"]})
