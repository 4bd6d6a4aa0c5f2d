"""A file of samples reduced to their factor, in one pass and constant memory."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np

from service.core.ground.data.preparation import Preparation, means_of, prepared_factor, prepared_rows, standardising
from service.core.ground.data.scatter import Scatter
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor
from service.core.ground.problems import Samples
from service.errors import InputError, LimitExceeded
from service.operations.mapping.columns import ClassColumns, Roles, roles_of
from service.operations.mapping.sizes import TOO_LARGE, too_large_targets
from service.operations.uploads.formats import FileFormat
from service.operations.uploads.tables import Table, name_of, rows_of_a_block, wrong_entry
from service.schemas.datasets import AppliedOptions, Format, UploadOptions
from service.settings import UploadLimits

REDUCTION: Final = 2
"""Rises when the same file and options would give other numbers than before."""


@dataclass(frozen=True)
class Column:
    """An input or target: what it is called, its mean and deviation in the file, and what was done to it."""

    name: str
    mean: float
    standard_deviation: float
    shift: float
    scale: float


@dataclass(frozen=True)
class ReducedDataset:
    """What is kept of a file.

    Attributes
    ----------
    options : AppliedOptions
    factor : Factor
        Of the prepared columns.
    samples : Samples or None
        Prepared; labels instead of one-hot targets.
    classes : tuple of int or None
        Ascending, in the order of the targets.
    class_names : tuple of str or None
        Texts of the labels in the file, where they are texts.
    input_columns, target_columns : tuple of Column
    """

    options: AppliedOptions
    factor: Factor
    samples: Samples | None
    classes: tuple[int, ...] | None
    class_names: tuple[str, ...] | None
    input_columns: tuple[Column, ...]
    target_columns: tuple[Column, ...]


@dataclass
class _Reduction:
    """The state of one pass."""

    scatter: Scatter
    classes: ClassColumns | None
    kept: list[FloatArray] = field(default_factory=list)


def reduce_upload(file: BinaryIO, form: FileFormat, options: UploadOptions, limits: UploadLimits) -> ReducedDataset:
    """Read a file once from beginning to end.  O(n c^2) for n rows and c columns, in memory O(c^2).

    Parameters
    ----------
    file : binary stream
        It need not be seekable; formats that cannot be read in order are put on disk first.
    form : FileFormat
    options : UploadOptions
    limits : UploadLimits

    Raises
    ------
    InputError
        Naming row and column of what is wrong.
    LimitExceeded
    EngineError
        If the disk takes no file.
    MalformedBody
        If the bytes are not of the format, or end early.
    UnsupportedMediaType
        For Parquet on a server without pyarrow.
    """
    _refuse_foreign(options, form)
    with ExitStack() as opened:
        table = form.open(file, options, limits, opened)
        _check_size(table.rows or 0, table, limits)
        roles = roles_of(table, options)
        _within(len(roles.inputs), limits.max_inputs, "max_inputs", "inputs")
        _within(len(roles.targets), limits.max_outputs, "max_outputs", "outputs")
        table.choose(roles.chosen, roles.targets[0] if options.one_hot else None)
        found = _read(table, roles, options, limits)
    return _prepared(found, table, roles, options, form)


def identity_of(form: Format, digest: str, applied: AppliedOptions) -> str:
    """The id of a data set: a hash of its file's format and SHA-256, and of the options that were applied."""
    text = json.dumps([REDUCTION, form, digest, applied.model_dump()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refuse_foreign(options: UploadOptions, form: FileFormat) -> None:
    """An option that has no meaning for a format is a misunderstanding."""
    if form.name != "csv":
        for name in ("header", "delimiter"):
            if name in options.model_fields_set:
                raise InputError.at((name,), "belongs to csv only", "parameter")


def _read(table: Table, roles: Roles, options: UploadOptions, limits: UploadLimits) -> _Reduction:
    columns = [*roles.inputs] if options.one_hot else roles.chosen
    everything = columns == list(range(table.columns))
    classes = ClassColumns(roles.targets[0], limits.max_outputs) if options.one_hot else None
    found = _Reduction(Scatter(len(columns)), classes)
    for block in table.blocks():
        first = found.scatter.n
        _check_size(first + len(block), table, limits)
        if options.keep_samples:
            kept = (first + len(block)) * len(roles.chosen)
            _within(kept, limits.max_kept_numbers, "max_kept_numbers", "numbers of samples")
            found.kept.append(block[:, roles.chosen])
        rows = block if everything else block[:, columns]
        finite = found.scatter.add(rows) if classes is None else _add_coded(found.scatter, rows, block, classes, table)
        if not finite:
            raise _not_finite(block, first, roles.chosen, table)
    if not found.scatter.n:
        raise InputError.at((), "must hold at least one row of numbers")
    return found


def _add_coded(scatter: Scatter, inputs: FloatArray, block: FloatArray, classes: ClassColumns, table: Table) -> bool:
    """Add inputs beside one-hot targets, a part at a time: many classes would make a block many times larger."""
    places = classes.places(block, scatter.n, table.names)
    columns = inputs.shape[1] + len(classes.labels)
    scatter.widen(columns)
    step = rows_of_a_block(columns)
    return all(
        scatter.add(np.hstack([inputs[start : start + step], classes.coded(places[start : start + step])]))
        for start in range(0, len(inputs), step)
    )


def _prepared(
    found: _Reduction, table: Table, roles: Roles, options: UploadOptions, form: FileFormat
) -> ReducedDataset:
    scatter, classes, inputs, texts = found.scatter, None, len(roles.inputs), table.label_names
    names = [str(name_of(column, table.names)) for column in roles.chosen]
    places: list[int] | None = None
    if found.classes is not None:
        classes, order = found.classes.sorted(names[-1], texts)
        places = [*range(inputs), *(inputs + place for place in order)]
        if texts is not None:
            texts = [texts[place] for place in order]
            for block in found.kept:
                block[:, -1] = np.argsort(order)[block[:, -1].astype(np.intp)]
        names[-1:] = [f"{names[-1]}={label}" for label in (classes if texts is None else texts)]
    factor = scatter.factor(inputs, places)
    changed = len(names) if classes is None else inputs
    preparation = _preparation(factor, options, names, changed)
    columns = tuple(
        Column(name, float(mean), float(deviation), float(shift), float(scale))
        for name, mean, deviation, shift, scale in zip(
            names, means_of(factor), factor.deviations, preparation.shift, preparation.scale, strict=True
        )
    )
    prepared = prepared_factor(factor, preparation)
    _check_targets(prepared, names[inputs:])
    applied = AppliedOptions(
        header="absent" if table.names is None else "present",
        delimiter=options.delimiter if form.name == "csv" else None,
        targets=list(roles.targets),
        ignore=list(roles.ignored),
        one_hot=options.one_hot,
        centre=options.centre or options.standardise,
        standardise=options.standardise,
        keep_samples=options.keep_samples,
    )
    return ReducedDataset(
        options=applied,
        factor=prepared,
        samples=_samples(found.kept, preparation, inputs, changed, names) if options.keep_samples else None,
        classes=classes,
        class_names=None if texts is None else tuple(texts),
        input_columns=columns[:inputs],
        target_columns=columns[inputs:],
    )


def _preparation(factor: Factor, options: UploadOptions, names: Sequence[str], changed: int) -> Preparation:
    if options.standardise:
        constant = np.flatnonzero(factor.deviations[:changed] == 0.0)
        if len(constant):
            name = names[int(constant[0])]
            raise InputError.at(("columns", name), "must not be constant to be standardised; `ignore` leaves it out")
    return standardising(factor, changed, centre=options.centre, standardise=options.standardise)


def _check_targets(factor: Factor, names: Sequence[str]) -> None:
    large = too_large_targets(factor)
    if large:
        raise InputError.at(("columns", names[large[0]]), TOO_LARGE)


def _samples(
    kept: Sequence[FloatArray], preparation: Preparation, inputs: int, changed: int, names: Sequence[str]
) -> Samples:
    """Prepared samples; labels, the last column of one-hot targets, stay as they are."""
    rows = np.concatenate(kept)
    part = Preparation(preparation.shift[:changed], preparation.scale[:changed])
    rows[:, :changed] = prepared_rows(rows[:, :changed], part)
    beyond = np.flatnonzero(~np.isfinite(rows).all(axis=0))
    if len(beyond):
        detail = "must have deviations from its mean within double precision for its samples to be kept"
        raise InputError.at(("columns", names[int(beyond[0])]), detail)
    return Samples(rows[:, :inputs], rows[:, inputs:])


def _check_size(rows: int, table: Table, limits: UploadLimits) -> None:
    _within(rows * table.columns, limits.max_dataset_numbers, "max_dataset_numbers", "rows x columns")


def _within(value: int, allowed: int, limit: str, unit: str) -> None:
    if value > allowed:
        raise LimitExceeded((), limit, allowed, unit)


def _not_finite(block: FloatArray, first: int, columns: Sequence[int], table: Table) -> InputError:
    row, column = np.argwhere(~np.isfinite(block[:, columns]))[0].tolist()
    return wrong_entry(first + row, columns[column], table.names, "must be a finite number")
