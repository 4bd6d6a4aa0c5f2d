"""Whole deployments for the kill rounds: real servers, stores and pools, whose processes and files can be counted."""

import contextlib
import json
import subprocess
import sys
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from urllib.request import urlopen

import psutil  # type: ignore[import-untyped]  # ships no annotations

from service.jobs.certificates import ROLES, write_keys
from service.jobs.store.callers import JobStore
from service.jobs.store.database import Database
from service.jobs.store.migrate import migrate
from service.version import ENGINE_VERSION
from tests.support.job_operations import PLACE
from tests.support.job_stacks import descendants, environment, free_port, kill_tree, until, worker_processes

WORKERS = 2
_MIGRATING = Lock()
"""Alembic keeps its place in a global."""
_MARK = "MINIMA_KILL_WORLD"
_MINIMA = str(Path(sys.executable).parent / "minima")


class Root:
    """One process that an operator starts, and starts again when it ends."""

    def __init__(self, command: list[str], variables: dict[str, str], log: Path) -> None:
        self._command, self._variables, self._log = command, variables, log
        self.process = self._run()

    def _run(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                env=self._variables,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def revive(self) -> None:
        """Start it again once it has ended."""
        self.process.wait()
        self.process = self._run()

    def close(self) -> None:
        kill_tree(self.process.pid)
        self.process.wait()


class World(ABC):
    """A deployment with two workers in all, in a folder that also takes every temporary file.

    Attributes
    ----------
    store : JobStore
        The same store, for submitting and looking.
    apis : list of Root
        The servers.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.mark = uuid.uuid4().hex
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.variables = environment() | {
            _MARK: self.mark,
            "TMPDIR": str(self.temporary),
            "MINIMA_DATABASE_URL": url,
            "MINIMA_WORKERS": str(WORKERS),
            "MINIMA_JOB_TABLE": PLACE,
            "MINIMA_LEASE_S": "1.5",
            "MINIMA_LOG_LEVEL": "warning",
        }
        self.database = Database(url)
        with _MIGRATING:
            migrate(self.database)
        self.store = JobStore(self.database, ENGINE_VERSION)
        self.ports: list[int] = []
        self.apis: list[Root] = []
        self.start()
        self.whole(300.0)
        self._files = self.files()

    @abstractmethod
    def start(self) -> None:
        """Start every root."""

    @property
    def roots(self) -> list[Root]:
        """Everything that an operator starts."""
        return self.apis

    @abstractmethod
    def pool_root(self, api: Root) -> Root:
        """Below which process the workers stand that serve an API."""

    def add_api(self, **variables: str) -> None:
        port = free_port()
        command = [_MINIMA, "serve", "--port", str(port)]
        self.ports.append(port)
        self.apis.append(self.root(command, f"api-{port}", **variables))

    def root(self, command: list[str], name: str, **variables: str) -> Root:
        return Root(command, self.variables | variables, self.folder / f"{name}.log")

    def workers(self, api: Root) -> list[psutil.Process]:
        return worker_processes(self.pool_root(api).process.pid)

    def fork_servers(self, api: Root) -> list[psutil.Process]:
        return [p for p in descendants(self.pool_root(api).process.pid) if _is_fork_server(p)]

    def drivers(self, api: Root) -> list[psutil.Process]:
        """The driver: the child of the server that is not of the pool for uploads."""
        return [p for p in descendants(api.process.pid) if _runs(p, "service.jobs")]

    def ready(self) -> list[dict[str, object]]:
        """What each server says of its workers."""
        found = []
        for port in self.ports:
            with (
                contextlib.suppress(OSError, ValueError),
                urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply,
            ):
                found.append(json.load(reply)["jobs"])
        return found

    def whole(self, seconds: float) -> float:
        """Wait until every server sees all its workers, and return how long that took."""
        full = {"ready": True, "wanted": WORKERS, "alive": WORKERS, "busy": 0}
        return until(lambda: self.ready() == [full] * len(self.ports), seconds, 0.1, show=self.ready)

    def strays(self) -> list[str]:
        """Processes of this world that no living root has started."""
        known = {root.process.pid for root in self.roots}
        for root in self.roots:
            known |= {process.pid for process in descendants(root.process.pid)}
        return [
            " ".join(_command_line(p))[:200] for p in psutil.process_iter() if p.pid not in known and self._is_ours(p)
        ]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get(_MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False

    def files(self) -> Counter[str]:
        """Count the temporary files and folders by kind, their random parts left out."""
        return Counter(
            "/".join(_kind(part) for part in path.relative_to(self.temporary).parts) for path in _walk(self.temporary)
        )

    def litter(self) -> list[str]:
        """Kinds of temporary files of which there are more than at the start."""
        return sorted((self.files() - self._files).elements())

    def close(self) -> None:
        for root in self.roots:
            root.close()
        until(lambda: not self.strays(), 30.0, show=self.strays)
        self.database.close()


class Embedded(World):
    """One server with a pool of its own."""

    def start(self) -> None:
        self.add_api()

    def pool_root(self, api: Root) -> Root:
        return api


class Cluster(World):
    """Two servers, a scheduler behind TLS, and a machine with two workers."""

    def start(self) -> None:
        write_keys(self.folder / "keys")
        keys = {role: _files(self.folder / "keys" / role) for role in ROLES}
        port = free_port()
        address = f"tls://127.0.0.1:{port}"
        module = [sys.executable, "-m", "service.jobs.cluster"]
        self.scheduler = self.root(
            [*module, *_options(keys["scheduler"]), "scheduler", "--port", str(port)], "scheduler"
        )
        table = PLACE.partition(":")[0]
        worker = ["worker", address, "--workers", str(WORKERS), "--preload", table]
        self.machine = self.root([*module, *_options(keys["worker"]), *worker], "workers")
        places = {f"MINIMA_TLS_{name.upper()}": path for name, path in keys["api"].items()}
        for _ in range(2):
            self.add_api(MINIMA_SCHEDULER_ADDRESS=address, **places)

    @property
    def roots(self) -> list[Root]:
        return [*self.apis, self.scheduler, self.machine]

    def pool_root(self, api: Root) -> Root:  # noqa: ARG002 - all servers share it
        return self.machine


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            found.append(path)
            if path.is_dir() and not path.is_symlink():
                found.extend(_walk(path))
    return found


def _kind(name: str) -> str:
    return name.partition("-")[0] + (".dirlock" if name.endswith(".dirlock") else "")


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _runs(process: psutil.Process, module: str) -> bool:
    return _command_line(process)[1:3] == ["-m", module]


def _is_fork_server(process: psutil.Process) -> bool:
    line = " ".join(_command_line(process))
    parent: Callable[[], str] = lambda: " ".join(_command_line(process.parent()))  # noqa: E731 - asked only if needed
    try:
        return "forkserver" in line and "forkserver" not in parent()
    except psutil.Error:
        return False


def _files(folder: Path) -> dict[str, str]:
    return {name: str(folder / f"{name}.pem") for name in ("ca", "certificate", "key")}


def _options(files: dict[str, str]) -> list[str]:
    return [part for name, path in files.items() for part in (f"--tls-{name}", path)]
