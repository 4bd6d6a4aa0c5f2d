"""Files as people have them: what each becomes, or what it is told."""

import io
from collections import Counter

from service.core.ground.numbers.factor import factor_of_samples
from service.errors import ServiceError
from service.operations.datasets import reduce_upload
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits
from tests.support.file_zoo import ZOO, Animal
from tests.support.tables import assert_same_factor

INTRODUCTION = """One table of 40 rows, three inputs and a target, in dialects, types and formats, with labels of rows,
dates, truth values, categories and missing values, and files that cannot be read. **Read**: samples, means and factor
are those of the table that was written, within 1e-9. **Refused**: the message has the word that helps.
"""


def report() -> str:
    """The table of all files."""
    lines = ["| file | format | outcome | in words |", "|---|---|---|---|"]
    counts: Counter[str] = Counter()
    for animal in ZOO:
        outcome, words = _tried(animal)
        counts[outcome] += 1
        lines.append(
            f"| {animal.name.replace('|', '&#124;')} | {animal.form} | {outcome} | {words.replace('|', '&#124;')} |"
        )
    total = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    return f"{INTRODUCTION}\n{len(ZOO)} files: {total}.\n\n" + "\n".join(lines)


def _tried(animal: Animal) -> tuple[str, str]:
    file, form = io.BytesIO(animal.content), FORMAT_BY_NAME[animal.form]
    try:
        found = reduce_upload(file, form, UploadOptions(**animal.options), UploadLimits())
    except ServiceError as error:
        right = isinstance(animal.expected, str) and animal.expected in error.detail
        return "refused" if right else "**refused otherwise**", error.detail
    if isinstance(animal.expected, str):
        return "**read, and should not be**", ""
    outputs = found.factor.outputs
    assert_same_factor(
        found.factor, factor_of_samples(animal.expected[:, :-outputs], animal.expected[:, -outputs:]), 1e-9
    )
    told = [f"{column.name}: {column.done}" for column in found.file_columns if column.done != "taken as it is"]
    return "read", "; ".join(told)
