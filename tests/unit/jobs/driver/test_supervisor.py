"""What a server does about a driver that says nothing."""

import logging
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from service.jobs.config import JobsConfig
from service.jobs.driver.supervisor import Supervisor
from tests.support.job_stacks import until

GOES_AFTER_S = 1.0
PROGRAM = """
import sys, time
from pathlib import Path
seen = Path(sys.argv[1])
if seen.exists():
    print("here", flush=True)
    sys.exit(sys.stdin.read())
seen.touch()
"""
NEVER_HEARD_OF = f"{PROGRAM}time.sleep(600)"
FALLS_SILENT = f"{PROGRAM}print('here', flush=True); time.sleep(600)"


class SlowToGo(subprocess.Popen[bytes]):
    """A process that a busy machine takes a while to clear away."""

    def kill(self) -> None:
        Timer(GOES_AFTER_S, super().kill).start()


@pytest.mark.parametrize("program", [NEVER_HEARD_OF, FALLS_SILENT])
def test_a_silent_driver_is_replaced_and_that_is_said_once(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subprocess, "Popen", SlowToGo)
    config = JobsConfig("sqlite://", stuck_after_s=0.5, start_s=0.5 if program is NEVER_HEARD_OF else 60.0)
    keeper = Supervisor(config, (sys.executable, "-c", program, str(tmp_path / "seen")))
    with caplog.at_level(logging.ERROR):
        keeper.start()
        try:
            until(lambda: keeper.pid is not None)
            first = keeper.pid
            until(lambda: keeper.pid != first)
            said = [record.getMessage() for record in caplog.records if "silent" in record.getMessage()]
        finally:
            keeper.stop()
    assert len(said) == 1
