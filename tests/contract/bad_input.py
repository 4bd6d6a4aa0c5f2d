"""Write `docs/bad-input.md`: every case of bad input with what the service says to it; `make bad-input`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.errors import ServiceError
from service.operations.datasets import reduce_upload
from service.operations.model_files.sent import with_sent_model
from service.operations.uploads.formats import FORMAT_BY_NAME
from service.schemas.datasets import UploadOptions
from service.settings import UploadLimits
from service.web.problem_details import of_service_error
from tests.contract.bad_input_elsewhere import ELSEWHERE
from tests.contract.bad_input_rules import RULES
from tests.contract.test_bad_input import BAD_ARCHIVES, CASES, NPZ, body_of
from tests.serving import call, serving
from tests.support.upload_files import WRONG, opened
from tests.support.wrong_models import WRONG as WRONG_MODELS

FILE: Final = Path(__file__).parents[2] / "docs" / "bad-input.md"
MODEL_BYTES: Final = 10_000_000
HEAD: Final = """# Bad input, case by case
What the service says to each case that the tests send. Written by `make bad-input`. Pointers are JSON pointers into the
body; values are never echoed, and every answer is `application/problem+json`. What looks bad and is answered
all the same stands under [degenerate input](degenerate-input.md).
"""
TABLE: Final = "\n| input | status | message |\n|---|---|---|\n"


def document(base: str) -> str:
    """The whole document, as the service at ``base`` answers now."""
    parts = [
        HEAD,
        "\n## Problems posted to `/v1/minima`\n" + TABLE + "".join(_problems(base)),
        "\n## Archives\nBodies of `application/x-npz` posted to `/v1/minima`.\n" + TABLE + "".join(_archives(base)),
        "\n## Other operations\n" + TABLE + "".join(_elsewhere(base)),
        "\n## Uploaded files\nPosted to `/v1/datasets`, some with options or under smaller limits.\n"
        + TABLE
        + "".join(_uploads()),
        "\n## Files of models\nThe part `model` of a form posted to `/v1/diagnose`; ONNX with the extra `models`.\n"
        + TABLE
        + "".join(_models()),
    ]
    return "".join(parts)


def _row(name: str, status: int, content: bytes) -> str:
    told = json.loads(content)
    code = told["type"].rpartition("/")[2]
    detail = told["detail"].replace("|", "\\|").replace("\n", "<br>")
    return f"| {name} | {status} `{code}` | {detail} |\n"


def _problems(base: str) -> Iterator[str]:
    for case in CASES:
        reply = call(base, "POST", "/v1/minima", body_of(case))
        yield _row(case.name, reply.status, reply.content)


def _archives(base: str) -> Iterator[str]:
    for name, content, *_ in BAD_ARCHIVES:
        reply = call(base, "POST", "/v1/minima", content, NPZ)
        yield _row(name, reply.status, reply.content)


def _elsewhere(base: str) -> Iterator[str]:
    for case in (*ELSEWHERE, *RULES):
        reply = call(base, case.method, case.path, case.content, case.headers)
        yield _row(case.name, reply.status, reply.content)


def _uploads() -> Iterator[str]:
    """Without a server, because some limits are smaller than its own."""
    for name, wrong in WRONG.items():
        try:
            asked = UploadOptions(**wrong.options)
            reduce_upload(opened(wrong), FORMAT_BY_NAME[wrong.form], asked, UploadLimits(**wrong.limits))
        except ServiceError as error:
            answer = of_service_error(error)
            yield _row(name, answer.status_code, bytes(answer.body))
        else:
            raise AssertionError(f"{name} was read")


def _models() -> Iterator[str]:
    for name, wrong in WRONG_MODELS.items():
        try:
            with_sent_model(wrong.operation, wrong.document(), MODEL_BYTES)
        except ServiceError as error:
            answer = of_service_error(error)
            yield _row(name, answer.status_code, bytes(answer.body))
        else:
            raise AssertionError(f"{name} was read")


if __name__ == "__main__":
    with serving() as address:
        FILE.write_text(document(address), encoding="utf-8")
