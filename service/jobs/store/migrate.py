"""Bring the store's schema to this version at start; several replicas may start at once."""

from pathlib import Path
from typing import Final

from sqlalchemy import inspect, text

from service.errors import EngineError
from service.jobs.store.database import Database
from service.jobs.store.file import prepare_file

HEAD: Final = "0007"
_FOLDER: Final = Path(__file__).parent / "migrations"
_ADVISORY_LOCK: Final = 0x4D494E494D41


def migrate(database: Database) -> None:
    """Run the missing migrations in one transaction; nothing happens on a store that is current.

    Raises
    ------
    EngineError
        If the store is away, or was written by a newer version of the service.
    """
    if database.file is not None:
        prepare_file(database.file)
    if _current(database) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - a quarter of a second that a current store need not pay
    from alembic.config import Config  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    configuration = Config()
    configuration.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        configuration.attributes["connection"] = connection
        try:
            command.upgrade(configuration, "head")
        except CommandError as error:
            raise EngineError("the job store was written by a newer version of the service") from error


def _current(database: Database) -> str | None:
    with database.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
