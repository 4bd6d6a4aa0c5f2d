"""The bundled data sets: what there is, and the numbers of one."""

from typing import Any

from service.errors import NotFound
from service.operations.mapping.examples import BY_NAME, EXAMPLES, ExampleRow, load
from service.schemas.data import Samples
from service.schemas.examples import ExampleAnswer, ExampleList, ExampleSummary


def examples() -> ExampleList:
    """All bundled data sets, without their numbers."""
    return ExampleList(examples=[ExampleSummary(**_facts(row)) for row in EXAMPLES])


def example(name: str, *, raw: bool = False) -> ExampleAnswer:
    """One data set, as published or centred and scaled; raises `NotFound`."""
    row = BY_NAME.get(name)
    if row is None:
        raise NotFound(f"there is no such example; there are {', '.join(BY_NAME)}")
    loaded = load(row.name, raw=raw)
    y = loaded.y[:, 0] if loaded.y.shape[1] == 1 else loaded.y
    return ExampleAnswer(
        **_facts(row),
        preparation="raw" if raw else "centred and scaled",
        columns=list(loaded.columns),
        target_names=list(loaded.targets),
        data=Samples(kind="samples", x=loaded.x.tolist(), y=y.tolist(), task=row.task),
    )


def _facts(row: ExampleRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ExampleSummary.model_fields}
