"""Tables that ship in packages, uploaded as they are, and regressions against pandas and numpy."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from service.errors import ServiceError
from service.operations.datasets import ReducedDataset, reduce_upload
from service.operations.mapping.datasets import factor_document
from service.operations.minima import minima, parse
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import Limits, UploadLimits

PACKAGES: Final = {
    "sklearn": ("datasets/data",),
    "statsmodels": ("datasets",),
    "palmerpenguins": ("data",),
    "vega_datasets": ("_data",),
}
PLAIN: Final = {
    "ccard.csv": "OWNRENT",
    "copper.csv": "TIME",
    "engel.csv": "foodexp",
    "fair.csv": "affairs",
    "longley.csv": "YEAR",
    "macrodata.csv": "realint",
    "randhie.csv": "hlthp",
    "stackloss.csv": "ACIDCONC",
    "modechoice.csv": "psize",
    "anes96.csv": "vote",
    "statecrime.csv": "urban",
    "committee.csv": "BILLS103",
}
"""Tables whose regression on the last column is computed by pandas, too."""
DIALECTS: Final = {"anes96.csv": ("\t", "'"), "modechoice.csv": (";", '"')}
AGREEMENT: Final = 1e-9
EXACT: Final = 1e-12
"""Of the variance of a target: below it an error is rounding."""


def files() -> Iterator[tuple[str, Path]]:
    """Every csv file of these packages that is a table of its own."""
    for package, folders in PACKAGES.items():
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"this report needs {package}")
        for folder in folders:
            root = Path(spec.origin).parent / folder
            for path in sorted(root.rglob("*.csv")):
                if not {"tests", "src"} & set(path.parts):
                    yield f"{package}/{path.relative_to(root)}", path


def report() -> str:
    """Each file with its outcome, then the regressions."""
    lines = ["| file | outcome | samples, inputs, outputs | in words |", "|---|---|---|---|"]
    accepted = total = 0
    kept: dict[str, tuple[Path, ReducedDataset]] = {}
    for name, path in files():
        total += 1
        try:
            found = read(path)
        except ServiceError as error:
            lines.append(f"| {name} | refused | | {error.detail} |")
            continue
        accepted += 1
        kept[path.name] = path, found
        told = [f"{column.name}: {column.done}" for column in found.file_columns if column.done != "taken as it is"][:6]
        left = f"{found.rows_left_out} rows left out; " if found.rows_left_out else ""
        size = f"{found.factor.n}, {found.factor.inputs}, {found.factor.outputs}"
        lines.append(f"| {name} | read | {size} | {left}{'; '.join(told)} |")
    regressions = ["| file | mean squared error here | pandas and lstsq | relative difference |", "|---|---|---|---|"]
    worst = 0.0
    for name, target in PLAIN.items():
        path, found = kept[name]
        ours, theirs = fitted(found), by_pandas(path, target)
        # two of the targets are exact maps of the inputs: nothing but rounding is left of their errors
        least = EXACT * float(found.factor.deviations[-1]) ** 2
        difference = abs(ours - theirs) / max(theirs, least)
        worst = max(worst, difference)
        regressions.append(f"| {name} | {ours:.12g} | {theirs:.12g} | {difference:.1e} |")
    if worst > AGREEMENT:
        raise AssertionError(f"a regression differs by {worst:.1e}")
    return "\n".join(
        [
            f"{total} tables without any option: **{accepted} read**, the others refused with what would help.\n",
            *lines,
            "\n## Regressions\nOne layer with a bias on the last column, against `pandas.read_csv` and",
            f"`numpy.linalg.lstsq`; the largest relative difference is {worst:.1e}.\n",
            *regressions,
        ]
    )


def read(path: Path) -> ReducedDataset:
    """A file as it is."""
    with path.open("rb") as file:
        return reduce_upload(file, FORMAT_BY_NAME["csv"], UploadOptions(), UploadLimits())


def fitted(found: ReducedDataset) -> float:
    """The least mean squared error of a linear map with a bias."""
    network = {"layers": [{"width": found.factor.outputs}], "bias": "output"}
    body = {"network": network, "data": factor_document(found.factor, None)}
    return minima(parse(body).request, Limits()).global_minimum.loss


def by_pandas(path: Path, target: str) -> float:
    """The same by other means; a first column of texts is left out."""
    import pandas  # noqa: PLC0415 - of the extra `peers`

    delimiter, quote = DIALECTS.get(path.name, (",", '"'))
    frame = pandas.read_csv(path, sep=delimiter, quotechar=quote)
    frame = frame.select_dtypes("number").astype(float)
    x = frame.drop(columns=target).to_numpy()
    y = frame[target].to_numpy()
    centred = x - x.mean(axis=0)
    scale = np.where(centred.std(axis=0) > 0, centred.std(axis=0), 1.0)
    with_bias = np.column_stack([centred / scale, np.ones(len(x))])
    residual = y - with_bias @ np.linalg.lstsq(with_bias, y, rcond=None)[0]
    return float(residual @ residual / len(y))
