"""Large bodies in a process of their own: the same answers, the same errors, and a process that may die."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psutil  # type: ignore[import-untyped]  # ships no annotations
import pytest

from service.errors import EngineError, InputError, LimitExceeded, MalformedBody
from service.operations.minima import minima, parse
from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Limits, Settings
from service.web.answering.large import LargeBodies
from service.web.bodies.reading import Body
from service.web.preferences import Wish
from service.web.responses import Rendered
from tests.support.long_search import LONG

T = TypeVar("T")

WISH = Wish("nobody", wants_job=False)
ASKED = Body(json.dumps(DESIGN_EXAMPLE).encode(), "application/json")


def run(use: Callable[[LargeBodies], Awaitable[T]], settings: Settings | None = None) -> T:
    async def main() -> T:
        large = LargeBodies(settings or Settings())
        try:
            return await use(large)
        finally:
            large.close()

    return asyncio.run(main())


def test_the_same_answer_and_the_same_errors() -> None:
    async def use(large: LargeBodies) -> None:
        right = await large.answer("minima", ASKED, WISH)
        assert isinstance(right, Rendered)
        assert (
            right.content
            == minima(parse(DESIGN_EXAMPLE).request, Limits()).model_dump_json(exclude_unset=True).encode()
        )
        with pytest.raises(MalformedBody):
            await large.answer("minima", Body(b"{", "application/json"), WISH)
        with pytest.raises(InputError) as caught:
            await large.answer("minima_batch", Body(b'{"problems": []}', "application/json"), WISH)
        assert [problem.location for problem in caught.value.fields] == [("problems",)]

    run(use)


def test_a_killed_process_is_said_and_replaced() -> None:
    async def use(large: LargeBodies) -> None:
        await large.answer("minima", ASKED, WISH)
        os.kill(await large.run(60.0, os.getpid), signal.SIGKILL)
        with pytest.raises(EngineError, match="ended"):
            await large.answer("minima", ASKED, WISH)
        assert isinstance(await large.answer("minima", ASKED, WISH), Rendered)

    run(use)


def test_the_servers_time_limit_holds() -> None:
    async def use(large: LargeBodies) -> None:
        with pytest.raises(LimitExceeded) as caught:
            await large.answer("minima", Body(json.dumps(LONG).encode(), "application/json"), WISH)
        # nobody sent a limit, so no field is blamed
        assert caught.value.fields[0].location == ()

    run(use, Settings(max_seconds=0.02))


def test_the_callers_time_limit_holds_and_the_process_goes_on() -> None:
    async def use(large: LargeBodies) -> None:
        hurried = Body(json.dumps({"problem": LONG, "time_limit_s": 0.01}).encode(), "application/json")
        with pytest.raises(LimitExceeded) as caught:
            await large.answer("minima", hurried, WISH)
        assert caught.value.fields[0].location == ("time_limit_s",)
        assert caught.value.limit == "time_limit_s"
        assert isinstance(await large.answer("minima", ASKED, WISH), Rendered)

    run(use)


def test_too_much_waiting_work_is_refused() -> None:
    async def use(large: LargeBodies) -> None:
        first = asyncio.create_task(large.answer("minima", ASKED, WISH))
        await asyncio.sleep(0)
        with pytest.raises(EngineError, match="waiting"):
            await large.answer("minima", ASKED, WISH)
        assert isinstance(await first, Rendered)

    run(use, Settings(max_waiting=1))


SERVER = """
import asyncio, os, time
from service.web.answering.process import OwnProcess

async def main():
    kept = OwnProcess(1)  # a pool that nobody holds ends its process by itself
    print(await kept.run(60.0, os.getpid), flush=True)
    time.sleep(60.0)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_killed_server_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment) as server:
        assert server.stdout
        own = psutil.Process(int(server.stdout.readline()))
        assert own.is_running()
        server.kill()
    gone, alive = psutil.wait_procs([own], timeout=20.0)
    assert gone
    assert not alive
