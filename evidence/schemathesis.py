"""Generated requests, and chains of them along the links of the OpenAPI document, against a server of its own.

`EVIDENCE_CASES` (or ``python -m evidence schemathesis --cases N``) says how many; rounds with the seeds 1, 2, ... go on
until there are as many.  A round tries examples, every constraint of every schema, random data that is valid and that
is not, and chains.
"""

import copy
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from benchmarks.server import serving
from service.schemas.problem import DESIGN_EXAMPLE
from service.schemas.slices import SLICE_EXAMPLE
from tests.support.openapi import DOCUMENT

CASES: Final = 20_000
EXAMPLES: Final = 60
"""Cases of one operation in one round of random data, and chains in one round."""
PHASES: Final = ("examples,coverage", "fuzzing", "stateful")
LIMITS: Final = {
    "MINIMA_MAX_SECONDS": "1",
    "MINIMA_MAX_JOB_SECONDS": "3",
    "MINIMA_MAX_PICTURE_STEPS": "300",
    "MINIMA_MAX_SLICE_POINTS": "1000",
    "MINIMA_INLINE_BUDGET_S": "0.05",
    "MINIMA_LOG_LEVEL": "error",
}
"""Largest numbers that the schemas allow mean hours; these keep every request within a second or two."""
EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["data", "event", "id"],
    "properties": {
        "data": {"type": "string", "contentMediaType": "application/json"},
        "event": {"enum": ["state", "progress", "worker_lost", "cancel_requested"]},
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
    },
}
EXCLUDED: Final = "positive_data_acceptance"
"""No schema can say that a matrix is positive semidefinite, or that rows are equally long."""
CONFIGURATION: Final = """\
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""
"""A machine that other work keeps busy makes the server refuse for now; what it says then is checked, too."""
_ROOT: Final = Path(__file__).parent.parent


def report() -> str:
    """Run rounds until there are enough cases, and tell what was asked.

    Raises
    ------
    RuntimeError
        If a check of schemathesis failed.
    """
    wanted = int(os.environ.get("EVIDENCE_CASES", CASES))
    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        schema = Path(folder) / "openapi.json"
        schema.write_text(json.dumps(_document()), encoding="utf-8")
        (Path(folder) / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
        while sum(_generated(each) for each in rounds) < wanted:
            seed = len(rounds) // len(PHASES) + 1
            rounds += [_round(schema, phases, seed, Path(folder)) for phases in PHASES]
    return _told(rounds)


def _document() -> dict[str, Any]:
    """The document of the service with less freedom where a request would wait or take hours, and with events told."""
    found = copy.deepcopy(DOCUMENT)
    # an example that is preferred, here a job, would keep every request from being answered at once
    del found["components"]["parameters"]["Prefer"]["examples"]
    stream = found["paths"]["/v1/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    stream["schema"] = EVENT
    # a problem of a batch that breaks the schema is refused in its own place, and the batch is answered
    found["components"]["schemas"]["ProblemsRequest"]["properties"]["problems"]["items"] = {}
    # generated problems go to the other operations; pictures get some that can be drawn, and the rest is generated
    for path in ("/v1/slices", "/v1/spectra", "/v1/connectivity"):
        _draw(found, found["paths"][path]["post"]["requestBody"]["content"]["application/json"])
    return found


def _draw(found: dict[str, Any], content: dict[str, Any]) -> None:
    """Let the problem of one request be one of two."""
    (name,) = [each["$ref"].rpartition("/")[2] for each in content["schema"].get("anyOf", [content["schema"]])][:1]
    model = copy.deepcopy(found["components"]["schemas"][name])
    model["properties"]["problem"] = {"enum": [SLICE_EXAMPLE["problem"], DESIGN_EXAMPLE]}
    found["components"]["schemas"][f"{name}Drawn"] = model
    content["schema"] = {"$ref": f"#/components/schemas/{name}Drawn"}


def _round(schema: Path, phases: str, seed: int, folder: Path) -> dict[str, Any]:
    """One run of schemathesis on a server and a store of its own."""
    written = folder / f"report-{seed}-{phases}.json"
    environment = {**LIMITS, "MINIMA_DATABASE_URL": f"sqlite:///{folder}/{seed}-{phases}.db"}
    environment |= {"MINIMA_WORKERS": "1" if phases == "stateful" else "0", "MINIMA_UPLOAD_FOLDER": str(folder)}
    with serving(environment) as served:
        command = [str(Path(sys.executable).parent / "st"), "--config-file", str(folder / "schemathesis.toml"), "run"]
        command += [str(schema), "-u", f"http://127.0.0.1:{served.port}"]
        command += ["--phases", phases, "-n", str(EXAMPLES), "--seed", str(seed), "--exclude-checks", EXCLUDED]
        command += ["--suppress-health-check", "all", "--request-timeout", "120", "--continue-on-failure", "--no-color"]
        command += ["--report", "json", "--report-json-path", str(written)]
        known = {**os.environ, "PYTHONPATH": str(_ROOT), "SCHEMATHESIS_HOOKS": "evidence.schemathesis_hooks"}
        ran = subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
    if ran.returncode or not found.get("complete"):
        raise RuntimeError(f"seed {seed}, {phases}: {ran.stdout[-8000:]}{ran.stderr[-1000:]}")
    print(f"seed {seed}, {phases}: {_generated(found)} cases, {found['running_time']:.0f} s", flush=True)
    return {**found, "phases_run": phases}


def _generated(found: dict[str, Any]) -> int:
    return int(found["test_cases"]["generated"])


def _told(rounds: list[dict[str, Any]]) -> str:
    by_phase: Counter[str] = Counter()
    for each in rounds:
        by_phase[each["phases_run"]] += _generated(each)
    operations = max(each["operations"]["tested"] for each in rounds)
    total = max(each["operations"]["total"] for each in rounds)
    return "\n".join(
        [
            f"schemathesis {rounds[0]['schemathesis_version']}, seeds 1 to {len(rounds) // len(PHASES)}, all {total}",
            f"operations of the OpenAPI document ({operations} of them in one run), a real server and a new",
            "SQLite store a round; in chains the server has a worker that computes. Every check of schemathesis but",
            f"`{EXCLUDED}`: no schema can say that a matrix is positive semidefinite, or rows equally long.",
            "503 is allowed where it is as documented, `Retry-After` included: other work keeps the machine busy.",
            "",
            "| phases | cases | failures |",
            "|---|---|---|",
            *(f"| {phases.replace(',', ', ')} | {count} | 0 |" for phases, count in by_phase.items()),
            f"| together | {sum(by_phase.values())} | 0 |",
            "",
            "Limits of the server: " + ", ".join(f"`{name}={text}`" for name, text in LIMITS.items()) + ".",
        ]
    )
