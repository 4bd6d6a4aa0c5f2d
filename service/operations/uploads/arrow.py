"""Text to numbers by pyarrow, an extra: twice as fast as numpy, and never asked to judge."""

import numpy as np

from service.core.arrays import FloatArray


def fast_numbers(content: bytes, delimiter: str, columns: int) -> FloatArray | None:
    """Lines of numbers as an array (m, columns); None where pyarrow is missing or refuses anything at all."""
    try:
        import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra that ships no types
        from pyarrow import csv  # noqa: PLC0415 - as above
    except ImportError:
        return None
    if not content.strip():
        return None
    names = [str(column) for column in range(columns)]
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(content),
            read_options=csv.ReadOptions(use_threads=False, column_names=names, block_size=len(content) + 1),
            parse_options=csv.ParseOptions(delimiter=delimiter),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pyarrow.float64()), null_values=[], check_utf8=True
            ),
        )
    except pyarrow.ArrowException:
        return None
    found = np.empty((table.num_rows, columns))
    for column in range(columns):
        found[:, column] = table.column(column).to_numpy()
    return found
