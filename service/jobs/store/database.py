"""One code path over SQLite and PostgreSQL: connections, transactions, the database's own clock."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Float, create_engine, event, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import Table

from service.errors import EngineError
from service.jobs.store.file import RESERVE_BYTES, is_full, release_reserve

T = TypeVar("T")
FULL: Final = "the disk of the job store is full: delete jobs or data sets that are not needed, or give it room"

_SQLITE_CLOCK: Final = "((julianday('now') - 2440587.5) * 86400.0)"
_POSTGRES_CLOCK: Final = "extract(epoch from clock_timestamp())::double precision"
_POSTGRES_OPTIONS: Final = (
    "-c lock_timeout=5000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=15000 -c timezone=UTC"
)


class StoreFullError(EngineError):
    """The disk has no room for what was to be written."""


class Database:
    """A store's connection pool.

    Parameters
    ----------
    url : str
        ``sqlite:///path`` or ``postgresql://...``; psycopg 3 is the driver of the latter.
    pool_size : int
        Connections kept open.
    prepare : callable, optional
        Run before the first use, and again before the next while it raises: a store may be away at start.

    Raises
    ------
    EngineError
        From `reading` and `writing`, whenever the database is away, full or busy for too long.
    """

    def __init__(self, url: str, pool_size: int = 8, prepare: "Callable[[Database], None] | None" = None) -> None:
        self._prepare = prepare
        self._preparing = False
        self._full = False
        self._lock: Final = RLock()
        address = make_url(url)
        if address.get_backend_name() == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        self.is_sqlite: Final = address.get_backend_name() == "sqlite"
        self.file: Final = Path(address.database) if self.is_sqlite and address.database else None
        arguments: dict[str, Any] = {"timeout": 10.0} if self.is_sqlite else {"connect_timeout": 5}
        if not self.is_sqlite:
            arguments["options"] = _POSTGRES_OPTIONS
        self.engine: Final[Engine] = create_engine(
            address,
            connect_args=arguments,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10.0,
            pool_pre_ping=not self.is_sqlite,
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _durable)
            event.listen(self.engine, "begin", _begin)
        else:
            # Before SQLAlchemy asks for the server's version, which fails there.
            event.listen(self.engine, "connect", _refuse_bytes, insert=True)
        self.clock: Final[ColumnElement[float]] = literal_column(
            _SQLITE_CLOCK if self.is_sqlite else _POSTGRES_CLOCK, Float
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        self.ensure_prepared()
        with _mapped_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes; it is durable when the block ends without an exception."""
        self.ensure_prepared()
        try:
            with _mapped_errors(), self.engine.connect().execution_options(writes=True) as link, link.begin():
                yield link
        except StoreFullError:
            self._full = True
            raise
        self._full = False

    def freeing(self, action: Callable[[Connection], T]) -> T:
        """Run what makes room in a transaction that writes; on a full disk a reserve makes way for it."""
        try:
            with self.writing() as connection:
                return action(connection)
        except StoreFullError:
            if self.file is None or not release_reserve(self.file):
                raise
        self._shrink_log()
        try:
            return self._freeing_on_a_full_disk(action)
        finally:
            self._shrink_log()

    def _freeing_on_a_full_disk(self, action: Callable[[Connection], T]) -> T:
        with self.writing() as connection:
            # Some builds overwrite what is deleted, which would take as much room again.
            before = connection.exec_driver_sql("PRAGMA secure_delete").scalar_one()
            connection.exec_driver_sql("PRAGMA secure_delete=OFF")
            try:
                return action(connection)
            finally:
                connection.exec_driver_sql(f"PRAGMA secure_delete={before}")

    def _shrink_log(self) -> None:
        """Move what SQLite's write-ahead log holds to the file, and give the room of the log back."""
        with contextlib.closing(self.engine.raw_connection()) as connection, contextlib.suppress(sqlite3.Error):
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def full(self) -> bool:
        """Whether the disk is known to have no room for another job."""
        return self._full or (self.file is not None and is_full(self.file))

    def ensure_prepared(self) -> None:
        """Run ``prepare`` unless it has run."""
        with self._lock:
            prepare, busy = self._prepare, self._preparing
            if prepare is None or busy:
                return
            self._preparing = True
            try:
                prepare(self)
                self._prepare = None
            finally:
                self._preparing = False

    def insert(self, table: Table) -> "sqlite.Insert | postgresql.Insert":
        """Return this dialect's INSERT, which knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def insert_if_new(self, table: Table) -> Insert:
        """Return an INSERT that leaves an existing row alone."""
        return self.insert(table).on_conflict_do_nothing()

    def now(self, connection: Connection) -> float:
        """Read the database's clock: seconds since 1970."""
        return float(connection.execute(select(self.clock)).scalar_one())

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except (DataError, IntegrityError):
        # a value that the store cannot hold is a fault of the service: asking again would not help
        raise
    except DBAPIError as error:
        if _is_of_a_full_disk(error.orig):
            raise StoreFullError(FULL) from error
        raise EngineError(f"the job store is away ({type(error).__name__})") from error
    except PoolTimeoutError as error:
        raise EngineError(f"the job store is away ({type(error).__name__})") from error


def _is_of_a_full_disk(error: object) -> bool:
    """SQLite's code, or PostgreSQL's."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(error, "sqlstate", "") == "53100"


def _refuse_bytes(connection: Any, _record: object) -> None:
    """Refuse a PostgreSQL database without an encoding: what was stored as text comes back as bytes."""
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        raise EngineError("the job store is a database in SQL_ASCII; create it with ENCODING 'UTF8' TEMPLATE template0")


def _durable(connection: Any, _record: object) -> None:
    # The driver's implicit BEGIN is deferred, which upgrades late and fails as busy; `_begin` opens it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "busy_timeout=10000",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"journal_size_limit={RESERVE_BYTES // 2}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Turn the write-ahead log on; two connections that do so at once do not wait for each other by themselves."""
    deadline = time.monotonic() + 10.0
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
