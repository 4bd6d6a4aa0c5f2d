"""Changelog and citation say the version that the code says, in the form that readers of changelogs expect."""

import re
from pathlib import Path

import service
from service.version import ENGINE_VERSION

ROOT = Path(service.__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
GROUPS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def versions() -> dict[str, str]:
    """Heading to text."""
    parts = re.split(r"^## (.+)\n", CHANGELOG, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_versions_fall_and_the_first_is_that_of_the_engine() -> None:
    found = [heading.removesuffix(" (unreleased)") for heading in versions()]
    assert found[0] == ENGINE_VERSION
    numbers = [tuple(map(int, version.split("."))) for version in found]
    assert numbers == sorted(set(numbers), reverse=True)
    assert [heading for heading in list(versions())[1:] if "unreleased" in heading] == []


def test_every_change_stands_in_a_group() -> None:
    for heading, text in versions().items():
        before, *groups = re.split(r"^### (.+)\n", text, flags=re.M)
        assert "\n- " not in f"\n{before}", f"{heading}: a change without a group"
        assert [name for name in GROUPS if name in groups[::2]] == groups[::2]
        for changes in groups[1::2]:
            lines = [line for line in changes.splitlines() if line]
            assert lines
            assert all(re.match(r"- [A-Z`0-9]", line) for line in lines), heading


def test_the_citation_is_of_this_version() -> None:
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(": ", 1) for line in lines if re.match(r"[a-z-]+: ", line))
    assert fields["version"] == ENGINE_VERSION
    assert fields["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "type"} <= fields.keys()
    assert "authors:" in lines
