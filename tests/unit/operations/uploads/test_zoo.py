"""Files as people have them become the table that they hold, or are refused with the word that repairs them."""

import io
import sys

import pytest

from service.core.ground.numbers.factor import factor_of_samples
from service.errors import ServiceError
from service.operations.datasets import reduce_upload
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits
from tests.support.file_zoo import ZOO, Animal
from tests.support.tables import assert_same_factor

BY_NAME = {animal.name: animal for animal in ZOO}


def test_every_file_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(ZOO) >= 150


@pytest.mark.parametrize("name", BY_NAME)
def test_a_file_becomes_its_table_or_says_what_helps(name: str) -> None:
    try_out(BY_NAME[name])


@pytest.mark.parametrize("name", [animal.name for animal in ZOO if animal.form == "csv"])
def test_text_is_read_alike_without_pyarrow(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    try_out(BY_NAME[name])


def try_out(animal: Animal) -> None:
    """Read a file, and compare what is kept with what is known of it."""
    file, form = io.BytesIO(animal.content), FORMAT_BY_NAME[animal.form]
    options = UploadOptions(**animal.options)
    if isinstance(animal.expected, str):
        with pytest.raises(ServiceError) as caught:
            reduce_upload(file, form, options, UploadLimits())
        assert animal.expected in caught.value.detail
        return
    found = reduce_upload(file, form, options, UploadLimits())
    outputs = found.factor.outputs
    expected = factor_of_samples(animal.expected[:, :-outputs], animal.expected[:, -outputs:])
    assert_same_factor(found.factor, expected, 1e-9)
    if animal.inputs is not None:
        assert tuple(column.name for column in found.input_columns) == animal.inputs
    taken = [column.position for column in found.file_columns if column.role != "left_out"]
    assert sorted([*taken, *found.options.ignore]) == list(range(len(found.file_columns)))
