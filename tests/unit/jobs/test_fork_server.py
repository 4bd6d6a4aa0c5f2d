"""A fork of the fork server ends with it, even if that was killed at the moment of the fork."""

import os
import signal
import sys
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import NoReturn

import pytest

from service.jobs.engines.fork_server import die_with

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal is Linux's own")

PATIENCE_S = 60.0


def _fork_server(told: Connection, *, early: bool) -> NoReturn:
    """Fork, and be killed by the fork before or after that asks for the kernel's signal."""
    server = os.getpid()
    if os.fork() == 0:
        told.send(os.getpid())
        if early:
            _kill(server)
        die_with(server)
        if not early:
            _kill(server)
        told.send("lives")
        time.sleep(PATIENCE_S)
    else:
        time.sleep(PATIENCE_S)
    os._exit(0)


def _kill(server: int) -> None:
    os.kill(server, signal.SIGKILL)
    while os.getppid() == server:
        time.sleep(0.001)


@pytest.mark.parametrize("early", [True, False])
def test_a_fork_ends_with_a_server_that_is_killed(early: bool) -> None:
    ours, theirs = Pipe()
    server = os.fork()
    if server == 0:
        _fork_server(theirs, early=early)
    theirs.close()
    os.waitpid(server, 0)
    try:
        assert ours.poll(PATIENCE_S)
        fork = ours.recv()
        assert isinstance(fork, int)
        # its end of the pipe is closed when it ends, and not before
        assert ours.poll(PATIENCE_S)
        with pytest.raises(EOFError):
            ours.recv()
    finally:
        ours.close()
