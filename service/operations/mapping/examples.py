"""The bundled real data sets: one literal table, loaded when first asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np

from service.core.ground.numbers.arrays import FloatArray
from service.errors import InputError, Location
from service.vocabulary import Task


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """A row of the table; the numbers themselves stand in ``service/data/<name>.csv``."""

    name: str
    title: str
    task: Task
    samples: int
    inputs: int
    targets: int
    source: str
    licence: str


EXAMPLES: Final[tuple[ExampleRow, ...]] = (
    ExampleRow(
        name="diabetes",
        title="Diabetes: ten measurements of a patient against the progression of the disease after one year",
        task=Task.REGRESSION,
        samples=442,
        inputs=10,
        targets=1,
        source="Efron, Hastie, Johnstone, Tibshirani, Least Angle Regression, Annals of Statistics 32 (2004) 407-499",
        licence="published with the paper, no restriction stated; exported from scikit-learn (BSD-3-Clause)",
    ),
    ExampleRow(
        name="wine",
        title="Wine: thirteen chemical measurements of wines from three cultivars",
        task=Task.CLASSIFICATION,
        samples=178,
        inputs=13,
        targets=1,
        source="Aeberhard, Forina, Wine, UCI Machine Learning Repository (1992), doi:10.24432/C5PC7J",
        licence="CC BY 4.0; exported from scikit-learn (BSD-3-Clause)",
    ),
    ExampleRow(
        name="breast_cancer",
        title="Breast cancer: thirty measurements of cell nuclei, malignant (0) or benign (1)",
        task=Task.CLASSIFICATION,
        samples=569,
        inputs=30,
        targets=1,
        source="Wolberg, Mangasarian, Street, Street, Breast Cancer Wisconsin (Diagnostic), "
        "UCI Machine Learning Repository (1993), doi:10.24432/C5DW2B",
        licence="CC BY 4.0; exported from scikit-learn (BSD-3-Clause)",
    ),
    ExampleRow(
        name="linnerud",
        title="Linnerud: three exercises of middle-aged men against weight, waist and pulse",
        task=Task.REGRESSION,
        samples=20,
        inputs=3,
        targets=3,
        source="A. C. Linnerud's fitness club data, in Tenenhaus, La regression PLS, Technip (1998)",
        licence="published in the book, no restriction stated; exported from scikit-learn (BSD-3-Clause)",
    ),
    ExampleRow(
        name="iris",
        title="Iris: four measurements of flowers of three species",
        task=Task.CLASSIFICATION,
        samples=150,
        inputs=4,
        targets=1,
        source="Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7 (1936) 179-188",
        licence="public domain by age; exported from scikit-learn (BSD-3-Clause)",
    ),
    ExampleRow(
        name="digits",
        title="Digits: handwritten digits as 8 x 8 grey values",
        task=Task.CLASSIFICATION,
        samples=1797,
        inputs=64,
        targets=1,
        source="Alpaydin, Kaynak, Optical Recognition of Handwritten Digits (its test set), "
        "UCI Machine Learning Repository (1998), doi:10.24432/C50P49",
        licence="CC BY 4.0; exported from scikit-learn (BSD-3-Clause)",
    ),
)
BY_NAME: Final[Mapping[str, ExampleRow]] = {row.name: row for row in EXAMPLES}


@dataclass(frozen=True)
class ExampleData:
    """Numbers of an example.

    Attributes
    ----------
    columns : tuple of str
        Names of the inputs.
    targets : tuple of str
        Names of the targets.
    x : (n, d) array
    y : (n, targets) array
        Labels are served as they are; other targets are prepared like the inputs.
    """

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    x: FloatArray
    y: FloatArray


def row_of(name: str, at: Location) -> ExampleRow:
    """The row of an example; `InputError` at ``at`` that lists the names if there is none."""
    if name not in BY_NAME:
        raise InputError.at(at, f"must be one of {', '.join(BY_NAME)}")
    return BY_NAME[name]


@lru_cache(maxsize=2 * len(EXAMPLES))
def load(name: str, *, raw: bool) -> ExampleData:
    """Numbers of a known example, as published or with every column of mean zero and variance one."""
    row = BY_NAME[name]
    with files("service").joinpath("data", f"{name}.csv").open(encoding="utf-8") as lines:
        header = tuple(next(lines).strip().split(","))
        table = np.loadtxt(lines, delimiter=",", ndmin=2)
    x, y = table[:, : -row.targets], table[:, -row.targets :]
    if not raw:
        x = standardised(x)
        y = y if row.task is Task.CLASSIFICATION else standardised(y)
    for array in (x, y):
        array.setflags(write=False)
    return ExampleData(header[: -row.targets], header[-row.targets :], x, y)


def standardised(columns: FloatArray) -> FloatArray:
    """Columns of mean zero and variance one (mean over the samples, not ``n - 1``); constant ones become zero."""
    centred = columns - columns.mean(axis=0)
    # the mean of the centred column removes what the first subtraction rounded
    centred -= centred.mean(axis=0)
    scales = np.sqrt(np.einsum("ij,ij->j", centred, centred) / len(centred))
    constant = np.ptp(columns, axis=0) == 0.0
    scaled: FloatArray = np.where(constant, 0.0, centred / np.where(constant, 1.0, scales))
    return scaled
