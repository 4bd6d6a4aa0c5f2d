"""Uploaded data sets in the store of the jobs: what was kept of a file, and the traces of what was deleted."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, select, tuple_, update

from service.errors import DatasetError, LimitExceeded, Location
from service.jobs.identity import IDENTITY
from service.jobs.store.database import Database
from service.jobs.store.tables import datasets
from service.jobs.values import Payload

HEADERS: Final = (
    datasets.c.id,
    datasets.c.summary,
    datasets.c.columns,
    datasets.c.numbers,
    datasets.c.sample_numbers,
    datasets.c.created_at,
    datasets.c.deleted_at,
    datasets.c.used_at,
    datasets.c.expired,
    datasets.c.outdated,
)
_NOTICED: Final = 100.0
"""Uses within this part of the retention are noticed once: reading stays reading."""


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """A data set without its numbers.

    Attributes
    ----------
    id : str
        Hash of content and options, unique for a tenant.
    summary, columns : str
        JSON that the floors above wrote.
    numbers, sample_numbers : int
        Numbers of the factor, and of the samples if they are kept.
    created_at, used_at : float
        Seconds since 1970; 0 before it is stored.
    """

    id: str
    summary: str
    columns: str
    numbers: int
    sample_numbers: int
    created_at: float = 0.0
    used_at: float = 0.0


class DatasetStore:
    """Data sets by tenant and id; every method is one transaction.

    A data set that was deleted, expired or became outdated leaves its id, so that its users still learn what
    happened.

    Parameters
    ----------
    database : Database
    retention_s : float
        Seconds that a data set is kept after its last use.
    """

    def __init__(self, database: Database, retention_s: float = 30 * 86400.0) -> None:
        self._database: Final = database
        self._retention_s: Final = retention_s

    def expires_at(self, record: DatasetRecord) -> float:
        """Seconds since 1970 until when a data set is kept at least, and if nobody uses it hardly longer."""
        return record.used_at + self._retention_s

    def put(
        self, tenant: str, record: DatasetRecord, content: Payload, max_datasets: int
    ) -> tuple[DatasetRecord, bool]:
        """Store a data set unless it is there; one that was deleted or has expired comes back.

        Returns
        -------
        record : DatasetRecord
            As it is stored.
        created : bool

        Raises
        ------
        LimitExceeded
            If the tenant has ``max_datasets`` already.
        """
        values: dict[str, Any] = {
            "summary": record.summary,
            "columns": record.columns,
            "numbers": record.numbers,
            "sample_numbers": record.sample_numbers,
            "media_type": content.media_type,
            "body": content.body,
            "created_at": self._database.clock,
            "deleted_at": None,
            "used_at": self._database.clock,
            "expired": False,
            "outdated": False,
        }
        mine = (datasets.c.tenant == tenant) & (datasets.c.id == record.id)
        with self._database.writing() as connection:
            found = self._row(connection, tenant, record.id)
            if found is not None and found.deleted_at is None:
                self._use(connection, tenant, record.id)
                return _record(_present(self._row(connection, tenant, record.id), ())), False
            count = select(func.count()).select_from(datasets)
            count = count.where(datasets.c.tenant == tenant, datasets.c.deleted_at.is_(None))
            if connection.execute(count).scalar_one() >= max_datasets:
                raise LimitExceeded((), "max_datasets", max_datasets, "data sets; delete one first")
            # another replica may store the same content at the same time
            row = self._database.insert_if_new(datasets).values(tenant=tenant, id=record.id, **values)
            created = connection.execute(row.returning(datasets.c.id)).first() is not None
            if not created:
                change = update(datasets).where(mine, datasets.c.deleted_at.is_not(None)).values(**values)
                created = connection.execute(change).rowcount == 1
            stored = self._row(connection, tenant, record.id)
            assert stored is not None  # noqa: S101 - it was inserted, or another replica did that
            return _record(stored), created

    def get(self, tenant: str, identity: str, at: Location = ()) -> DatasetRecord:
        """Read a data set without its numbers.

        Raises
        ------
        DatasetError
            At ``at``, if it is unknown, was deleted or has expired.
        """
        _check_form(identity, at)
        with self._database.reading() as connection:
            return _record(_present(self._row(connection, tenant, identity), at))

    def content(self, tenant: str, identity: str, at: Location = ()) -> Payload:
        """Read the numbers of a data set, which counts as its use; `DatasetError` as for `get`."""
        _check_form(identity, at)
        state = (datasets.c.deleted_at, datasets.c.expired, datasets.c.outdated)
        query = select(datasets.c.media_type, datasets.c.body, *state, self._is_noticed.label("noticed"))
        query = query.where(datasets.c.tenant == tenant, datasets.c.id == identity)
        with self._database.reading() as connection:
            row = _present(connection.execute(query).one_or_none(), at)
        if not row.noticed:
            with self._database.writing() as connection:
                self._use(connection, tenant, identity)
        return Payload(row.media_type, row.body)

    @property
    def _is_noticed(self) -> ColumnElement[bool]:
        return datasets.c.used_at > self._database.clock - self._retention_s / _NOTICED

    def _use(self, connection: Connection, tenant: str, identity: str) -> None:
        mine = (datasets.c.tenant == tenant) & (datasets.c.id == identity) & datasets.c.deleted_at.is_(None)
        connection.execute(update(datasets).where(mine, ~self._is_noticed).values(used_at=self._database.clock))

    def list(self, tenant: str, *, before: tuple[float, str] | None = None, limit: int = 50) -> list[DatasetRecord]:
        """List data sets, newest first, strictly after the position ``(created_at, id)`` of the last one seen."""
        query = select(*HEADERS).where(datasets.c.tenant == tenant, datasets.c.deleted_at.is_(None))
        if before is not None:
            query = query.where(tuple_(datasets.c.created_at, datasets.c.id) < tuple_(*before))
        query = query.order_by(datasets.c.created_at.desc(), datasets.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def delete(self, tenant: str, identity: str) -> None:
        """Forget all of a data set but its id; `DatasetError` if it is unknown or not there any more."""
        _check_form(identity, ())
        change = {"summary": None, "columns": None, "body": None, "deleted_at": self._database.clock}
        mine = (datasets.c.tenant == tenant) & (datasets.c.id == identity) & datasets.c.deleted_at.is_(None)

        def forget(connection: Connection) -> None:
            if not connection.execute(update(datasets).where(mine).values(**change)).rowcount:
                _present(self._row(connection, tenant, identity), ())

        self._database.freeing(forget)

    def _row(self, connection: Connection, tenant: str, identity: str) -> Row[*tuple[Any, ...]] | None:
        query = select(*HEADERS).where(datasets.c.tenant == tenant, datasets.c.id == identity)
        return connection.execute(query).one_or_none()


def _check_form(identity: str, at: Location) -> None:
    if not IDENTITY.fullmatch(identity):
        raise DatasetError(at, "missing")


def _present(row: Row[*tuple[Any, ...]] | None, at: Location) -> Row[*tuple[Any, ...]]:
    if row is None:
        raise DatasetError(at, "missing")
    if row.deleted_at is not None:
        raise DatasetError(at, "outdated" if row.outdated else "expired" if row.expired else "deleted")
    return row


def _record(row: Row[*tuple[Any, ...]]) -> DatasetRecord:
    return DatasetRecord(row.id, row.summary, row.columns, row.numbers, row.sample_numbers, row.created_at, row.used_at)
