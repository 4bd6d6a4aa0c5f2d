"""Dialects are found whatever the numbers are."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from service.operations.uploads.canonical import canonical
from service.operations.uploads.dialects import DELIMITERS, Dialect, dialect_of
from service.schemas.datasets import Delimiter, UploadOptions
from tests.support.file_zoo import text

TABLES = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).normal(scale=10.0 ** (seed % 5), size=(3 + seed % 9, 2 + seed % 4))
)


# cut at its commas, the second of three fields is two numbers
@example(np.array([[-100.33, -2.83], [58.57, -168.71], [-139.72, -95.77]]), "space", True, False)
@given(TABLES, st.sampled_from(sorted(DELIMITERS)), st.booleans(), st.booleans())
def test_the_dialect_of_numbers(table: np.ndarray, name: Delimiter, commas: bool, named: bool) -> None:
    mark = DELIMITERS[name]
    decimal = "," if commas and mark != "," else "."
    names = [f"column{number}" for number in range(table.shape[1])] if named else []
    content = text(np.round(table, 2).tolist(), names, delimiter=mark, decimal=decimal)
    found = dialect_of(content, UploadOptions())
    assert found.name == name
    if "," in content.replace(mark, ""):
        assert found.decimal == decimal


@given(TABLES, st.sampled_from([";", "\t", "|", " "]), st.sampled_from([".", ","]), st.booleans())
def test_canonical_lines_are_the_fields_one_by_one(table: np.ndarray, mark: str, decimal: str, trailing: bool) -> None:
    trailing = trailing and mark != " "
    dialect = Dialect(mark, decimal, trailing=trailing, comment="#")
    content = "# a comment\n" + text(
        np.round(table, 3).tolist(), (), delimiter=mark, decimal=decimal, after=mark * trailing
    )
    plain = canonical(content.encode(), dialect)
    assert plain is not None
    lines = plain.decode().split("\n")
    assert len(lines) == content.count("\n") + 1
    for found, sent in zip(lines[1:-1], content.split("\n")[1:-1], strict=True):
        assert found.split(mark) == [dialect.number(field) for field in dialect.fields(sent) or []]
    assert canonical(b'"1" "2"', dialect) is None
