"""The bundled data sets: what there is, and the numbers of one."""

from service.errors import NotFound
from service.operations.mapping.examples import BY_NAME, EXAMPLES, ExampleRow, load
from service.schemas.data import Samples
from service.schemas.examples import ExampleAnswer, ExampleList, ExampleSummary


def examples() -> ExampleList:
    """All bundled data sets, without their numbers."""
    return ExampleList(examples=[_summary(row) for row in EXAMPLES])


def example(name: str, *, raw: bool = False) -> ExampleAnswer:
    """One data set, as published or centred and scaled; raises `NotFound`."""
    row = BY_NAME.get(name)
    if row is None:
        raise NotFound(f"there is no such example; there are {', '.join(BY_NAME)}")
    loaded = load(row.name, raw=raw)
    y = loaded.y[:, 0] if loaded.y.shape[1] == 1 else loaded.y
    facts = _summary(row)
    return ExampleAnswer(
        name=facts.name,
        title=facts.title,
        task=facts.task,
        samples=facts.samples,
        inputs=facts.inputs,
        targets=facts.targets,
        source=facts.source,
        licence=facts.licence,
        preparation="raw" if raw else "centred and scaled",
        columns=list(loaded.columns),
        target_names=list(loaded.targets),
        data=Samples(kind="samples", x=loaded.x.tolist(), y=y.tolist(), task=row.task),
    )


def _summary(row: ExampleRow) -> ExampleSummary:
    return ExampleSummary(
        name=row.name,
        title=row.title,
        task=row.task,
        samples=row.samples,
        inputs=row.inputs,
        targets=row.targets,
        source=row.source,
        licence=row.licence,
    )
