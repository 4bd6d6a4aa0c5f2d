"""Folds of an upload: the factors of their rows, filled and prepared as the whole, however the file is read."""

import io
from typing import Any

import numpy as np
import pytest

from service.core.ground.data.fold_turns import FoldsInTurn
from service.core.ground.data.merged import merged_factor
from service.core.ground.numbers.factor import Factor, factor_of_samples
from service.operations.datasets import ReducedDataset, reduce_upload
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits
from tests.support.upload_files import as_csv

RNG = np.random.default_rng(5)
FOLDS = 3


def read(content: bytes, **asked: Any) -> ReducedDataset:
    return reduce_upload(io.BytesIO(content), FORMAT_BY_NAME["csv"], UploadOptions(**asked), UploadLimits())


def gram(factor: Factor) -> Any:
    """Second moments about zero of all columns."""
    mean = np.concatenate([factor.x_mean, factor.y_mean])
    return factor.second + np.outer(mean, mean)


@pytest.mark.parametrize(
    "asked",
    [{}, {"standardise": True}, {"one_hot": True}, {"missing": "mean"}, {"missing": "indicator", "centre": True}],
    ids=str,
)
def test_each_fold_is_the_factor_of_its_rows(asked: dict[str, Any]) -> None:
    table = RNG.normal(size=(700, 4)) + 3.0
    if asked.get("one_hot"):
        table[:, 3] = np.rint(table[:, 3]).clip(2, 4)
    lines = [line.split(",") for line in as_csv(table).decode().splitlines()]
    if "missing" in asked:
        for row in range(0, 700, 35):
            lines[row][1] = ""
    if asked.get("one_hot"):
        for line in lines:
            line[3] = str(int(float(line[3])))
    content = "\n".join(",".join(line) for line in lines).encode()
    found = read(content, folds=FOLDS, keep_samples=True, **asked)
    assert found.samples is not None
    x, y = found.samples.x, found.samples.y
    if found.classes is not None:
        y = (y == np.array(found.classes)).astype(float)
    fold_of = FoldsInTurn(FOLDS, 0).next(len(x))
    assert [fold.n for fold in found.folds] == np.bincount(fold_of).tolist()
    for index, fold in enumerate(found.folds):
        expected = factor_of_samples(x[fold_of == index], y[fold_of == index])
        assert gram(fold) == pytest.approx(gram(expected), rel=1e-10, abs=1e-10)
    assert gram(merged_factor(found.folds)) == pytest.approx(gram(found.factor), rel=1e-10, abs=1e-10)


def test_the_whole_is_what_it_is_without_folds() -> None:
    content = as_csv(RNG.normal(size=(40, 3)))
    plain, folded = read(content), read(content, folds=5)
    assert plain.folds == ()
    assert (plain.factor.r == folded.factor.r).all()
