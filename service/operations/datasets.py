"""A file of samples reduced to their factor, in one pass and constant memory."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast

import numpy as np

from service.core.ground.data.folded import FoldedScatter
from service.core.ground.data.preparation import Preparation, means_of, prepared_factor, prepared_rows, standardising
from service.core.ground.data.scatter import Scatter
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.factor import Factor
from service.core.ground.problems import Samples
from service.errors import InputError, LimitExceeded, NumericalError
from service.operations.mapping.columns import ClassColumns, Roles, positions_of, roles_of
from service.operations.mapping.expansion import Expansion
from service.operations.mapping.profiles import file_columns
from service.operations.mapping.sizes import TOO_LARGE, too_large_targets
from service.operations.uploads.csv_file import CsvTable
from service.operations.uploads.fields import CATEGORY, TEXT
from service.operations.uploads.formats import FileFormat, check_beginning
from service.operations.uploads.packed import unpacked
from service.operations.uploads.tables import Table, name_of
from service.schemas.datasets import AppliedOptions, FileColumn, Format, UploadOptions
from service.settings import UploadLimits

REDUCTION: Final = 3
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
    file_columns : tuple of FileColumn
        Every column of the file, and what became of it.
    rows_left_out : int
        For a missing value.
    folds : tuple of Factor
        Of the folds of the rows, prepared as the whole; empty unless they were asked for.
    """

    options: AppliedOptions
    factor: Factor
    samples: Samples | None
    classes: tuple[int, ...] | None
    class_names: tuple[str, ...] | None
    input_columns: tuple[Column, ...]
    target_columns: tuple[Column, ...]
    file_columns: tuple[FileColumn, ...]
    rows_left_out: int
    folds: tuple[Factor, ...] = ()


@dataclass
class _Reduction:
    """The state of one pass."""

    scatter: Scatter
    expansion: Expansion
    rows: int = 0
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
        For a format whose library the server has not, and for bytes of another format than the announced one.
    """
    _refuse_foreign(options, form)
    with ExitStack() as opened:
        plain = unpacked(file, limits.max_upload_bytes)
        check_beginning(plain.beginning, form)
        table = form.open(cast("BinaryIO", plain), options, limits, opened)
        _check_size(table.rows or 0, table, limits)
        roles = roles_of(table, options)
        one_hot = options.one_hot or _is_label(table, roles)
        _within(len(roles.inputs), limits.max_inputs, "max_inputs", "inputs")
        _within(len(roles.targets), limits.max_outputs, "max_outputs", "outputs")
        categories = positions_of(options.categories, table, "categories")
        table.choose(roles.chosen, roles.targets[0] if one_hot else None, categories)
        found = _read(table, roles, options, limits, one_hot=one_hot)
    return _prepared(found, options, one_hot=one_hot)


def _is_label(table: Table, roles: Roles) -> bool:
    """Whether the one target holds texts, which can only be labels."""
    return len(roles.targets) == 1 and table.readings[roles.targets[0]] in (CATEGORY, TEXT)


def identity_of(form: Format, digest: str, applied: AppliedOptions) -> str:
    """The id of a data set: a hash of its file's format and SHA-256, and of the options that were applied."""
    # without folds the id is what it was before there were any
    options = {name: value for name, value in applied.model_dump().items() if name != "folds" or value is not None}
    text = json.dumps([REDUCTION, form, digest, options], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refuse_foreign(options: UploadOptions, form: FileFormat) -> None:
    """An option that has no meaning for a format is a misunderstanding."""
    if form.name != "csv":
        for name in ("header", "delimiter", "decimal", "encoding"):
            if name in options.model_fields_set:
                raise InputError.at((name,), "belongs to csv only", "parameter")


def _read(table: Table, roles: Roles, options: UploadOptions, limits: UploadLimits, *, one_hot: bool) -> _Reduction:
    classes = ClassColumns(roles.targets[0], limits.max_outputs) if one_hot else None
    expansion = Expansion(table, roles, options.missing, limits, classes)
    columns = len(expansion.numbers)
    scatter = Scatter(columns) if options.folds is None else FoldedScatter(columns, options.folds)
    found = _Reduction(scatter, expansion)
    for block in table.blocks():
        _check_size(found.rows + len(block), table, limits)
        rows = expansion.counted.rows(block, found.rows)
        if options.keep_samples and len(rows):
            kept = (found.scatter.n + len(rows)) * len(roles.chosen)
            _within(kept, limits.max_kept_numbers, "max_kept_numbers", "numbers of samples")
            found.kept.append(rows[:, roles.chosen])
        if len(rows) and not expansion.add(rows, found.scatter, found.rows):
            raise NumericalError("the numbers of the file leave the range of double precision")
        found.rows += len(block)
    expansion.counted.check_left_out()
    if not found.scatter.n:
        raise InputError.at((), "must hold at least one row of numbers")
    if options.folds is not None and options.folds > found.scatter.n:
        raise InputError.at(("folds",), f"must be at most {found.scatter.n}, the number of rows", "parameter")
    return found


def _prepared(found: _Reduction, options: UploadOptions, *, one_hot: bool) -> ReducedDataset:
    scatter, expansion = found.scatter, found.expansion
    table, roles, texts, classes = expansion.table, expansion.roles, expansion.table.label_names, None
    sources = expansion.sources()
    names, places = [source.name for source in sources], [source.place for source in sources]
    inputs = len(names) if one_hot else len(names) - len(roles.targets)
    kept = expansion.kept(np.concatenate(found.kept), scatter) if found.kept else None
    if expansion.classes is not None:
        target = str(name_of(roles.targets[0], table.names))
        classes, order = expansion.classes.sorted(target, texts)
        places += [expansion.class_places()[place] for place in order]
        if texts is not None:
            texts = [texts[place] for place in order]
            if kept is not None:
                kept[:, -1] = np.argsort(order)[kept[:, -1].astype(np.intp)]
        names += [f"{target}={label}" for label in (classes if texts is None else texts)]
    if not inputs:
        raise InputError.at((), "must have at least one input: a category of one level is none")
    factor = expansion.factor(scatter, inputs, places)
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
    return ReducedDataset(
        options=_applied(table, roles, options, one_hot=one_hot),
        factor=prepared,
        samples=None if kept is None else _samples(kept, preparation, inputs, changed, names),
        classes=classes,
        class_names=None if texts is None else tuple(texts),
        input_columns=columns[:inputs],
        target_columns=columns[inputs:],
        file_columns=tuple(file_columns(expansion, options)),
        rows_left_out=expansion.counted.rows_left_out,
        folds=_folds(found, inputs, places, preparation),
    )


def _folds(found: _Reduction, inputs: int, places: Sequence[int], preparation: Preparation) -> tuple[Factor, ...]:
    """The factors of the folds, filled and prepared as the whole is."""
    scatter, expansion = found.scatter, found.expansion
    if not isinstance(scatter, FoldedScatter):
        return ()
    factors = (expansion.factor(fold, inputs, places, scatter) for fold in scatter.folds)
    return tuple(prepared_factor(factor, preparation) for factor in factors)


def _applied(table: Table, roles: Roles, options: UploadOptions, *, one_hot: bool) -> AppliedOptions:
    dialect = table if type(table) is CsvTable else None
    return AppliedOptions(
        header="absent" if table.names is None else "present",
        delimiter=None if dialect is None else dialect.delimiter,
        dialect=None if dialect is None else dialect.dialect,
        targets=list(roles.targets),
        ignore=list(roles.ignored),
        categories=sorted(table.levels),
        missing=options.missing,
        one_hot=one_hot,
        centre=options.centre or options.standardise,
        standardise=options.standardise,
        keep_samples=options.keep_samples,
        folds=options.folds,
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


def _samples(rows: FloatArray, preparation: Preparation, inputs: int, changed: int, names: Sequence[str]) -> Samples:
    """Prepared samples; labels, the last column of one-hot targets, stay as they are."""
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
