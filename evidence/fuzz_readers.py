"""Every reader of bodies and files under atheris, for ``--seconds N`` in all.

With a file named by ``EVIDENCE_STATE`` a run that was broken off goes on with the readers that are missing in it.

It needs atheris, of the extra `peers`, which has wheels for Linux on x86_64 alone.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

SECONDS: Final = 300.0
READERS: Final = (
    "body of JSON",
    "body of npz",
    "form with npy",
    "upload of csv",
    "upload of npy",
    "upload of npz",
    "upload of Parquet",
    "upload of Feather",
    "upload of arff",
    "upload of svmlight",
    "upload of xlsx",
    "upload of zstandard",
    "file of a model",
)
"""The keys of `evidence.fuzzed_reader.READERS`, which only a process with atheris can import."""
PATIENCE_S: Final = 900.0
"""For the start, on a machine that does other things first."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one reader went through."""

    reader: str
    seconds: int
    inputs: int
    branches: int
    kept: int


def report() -> str:
    """Fuzz each reader for its share of the time.

    Raises
    ------
    RuntimeError
        With the inputs that a reader did not get through.
    """
    seconds = float(os.environ.get("EVIDENCE_SECONDS", SECONDS))
    share = int(seconds / len(READERS))
    state = os.environ.get("EVIDENCE_STATE")
    runs = _kept(state)
    wrong: list[str] = []
    for reader in READERS:
        if any(run.reader == reader for run in runs):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = _fuzzed(reader, share, Path(folder))
        print(found, flush=True)
        if isinstance(found, Run):
            runs.append(found)
            _keep(state, found)
        else:
            wrong.append(found)
    if wrong:
        raise RuntimeError("\n\n".join(wrong))
    total = sum(run.seconds for run in runs)
    rows = [f"| {run.reader} | {run.seconds} | {run.inputs:,} | {run.branches:,} | {run.kept:,} |" for run in runs]
    return "\n".join(
        [
            f"Each reader of bodies and uploaded files under atheris ({total / 60:.0f} min in all, beside other work",
            "on the machine), which changes valid files and keeps the changes that reach new code.",
            "A reader may return, or raise an error that is answered with a",
            "status below 500; no input may take more than 20 s, nor the process more than 3 GB. Nothing was found.",
            "*Branches* are those of the service's own code and of `zipfile`; libraries in C are not watched.",
            "",
            "| reader | seconds | inputs | branches reached | inputs that reached new ones |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def _kept(state: str | None) -> list[Run]:
    """What an earlier run went through."""
    if state is None or not Path(state).exists():
        return []
    return [Run(**json.loads(line)) for line in Path(state).read_text(encoding="utf-8").splitlines()]


def _keep(state: str | None, run: Run) -> None:
    if state is not None:
        with Path(state).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(run)) + "\n")


def _fuzzed(reader: str, seconds: int, folder: Path) -> Run | str:
    """The run, or what went wrong and with which input."""
    command = [sys.executable, "-m", "evidence.fuzzed_reader", reader, str(seconds), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE_S, check=False)
    if done.returncode:
        found = {each.name: each.read_bytes()[:2000] for each in folder.iterdir() if each.is_file()}
        return f"{reader}: {done.stderr[-3000:]}\n{found}"
    inputs = re.findall(r"^stat::number_of_executed_units: (\d+)", done.stderr, re.MULTILINE)
    seen = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)", done.stderr)
    if not inputs or not seen:
        return f"{reader}: it told nothing: {done.stderr[-3000:]}"
    return Run(reader, seconds, int(inputs[-1]), int(seen[-1][0]), int(seen[-1][1]))
