"""One reader of what callers send, under atheris, which changes files where that reaches new code.

``python -m evidence.fuzzed_reader NAME SECONDS FOLDER`` runs it; `evidence.fuzz_readers` runs all.  A reader may
return, or raise an error that is answered with a status below 500.  Anything else ends the run, and so does an input
that takes long or much memory; the input is kept in the folder.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import atheris
import numpy as np

with atheris.instrument_imports(include=["service.web.bodies", "service.operations", "service.schemas", "zipfile"]):
    from service.errors import EngineError, ServiceError
    from service.operations.asking import ask
    from service.operations.datasets import reduce_upload
    from service.operations.model_files.sent import MODEL, SentModel, with_sent_model
    from service.operations.uploads.formats import FORMAT_BY_NAME
    from service.schemas.datasets import UploadOptions
    from service.web.bodies.reading import Body, document, is_large
    from service.web.bodies.sizes import check_sizes

from service.schemas.problem import DESIGN_EXAMPLE
from service.settings import Settings, UploadLimits
from tests.support.file_zoo import (
    Animal,
    arff_files,
    feather_files,
    packed_files,
    svmlight_files,
    xlsx_files,
)
from tests.support.model_zoo import SAME, gemms
from tests.support.upload_files import NAMES, TABLE, as_csv, as_npy, as_npz, as_parquet

SETTINGS: Final = Settings(max_body_bytes=2**22)
LIMITS: Final = UploadLimits(max_upload_bytes=2**22, max_dataset_numbers=10**6)
OPTIONS: Final = (
    UploadOptions(),
    UploadOptions(keep_samples=True),
    UploadOptions(one_hot=True, targets=["3"]),
    UploadOptions(targets=["age", "1"]),
)
BOUNDARY: Final = "part"
INPUT_S: Final = 20
MEMORY_MB: Final = 3_000
LONGEST: Final = 40_000
"""Bytes of an input: what is large is the matter of `evidence.bodies`."""


def read_body(content: bytes, content_type: str) -> None:
    """As `POST /v1/minima` reads it, up to the question."""
    body = Body(content, content_type)
    try:
        is_large(body, SETTINGS.large_body_bytes, SETTINGS.max_body_bytes)
        found = asyncio.run(document(body, SETTINGS.max_body_bytes))
        check_sizes(found, SETTINGS)
        ask("minima", found, SETTINGS)
    except EngineError:
        raise
    except ServiceError:
        return


def read_file(content: bytes, form: str) -> None:
    """As an upload is read; the first byte chooses the options."""
    options = OPTIONS[content[0] % len(OPTIONS)] if content else OPTIONS[0]
    try:
        found = reduce_upload(io.BytesIO(content[1:]), FORMAT_BY_NAME[form], options, LIMITS)
    except EngineError:
        raise
    except ServiceError:
        return
    if not np.isfinite(found.factor.r).all():
        raise AssertionError("a number that is not finite was kept")


def read_model_file(content: bytes) -> None:
    """As the part `model` of a form is read, and put into a request."""
    document = {"data": {"kind": "none", "inputs": 3}, MODEL: SentModel(content, {})}
    try:
        ask("diagnose", with_sent_model("diagnose", document, SETTINGS.max_body_bytes), SETTINGS)
    except EngineError:
        raise
    except ServiceError:
        return


def _feathers() -> list[bytes]:
    return [animal.content for animal in feather_files()]


def _animals(found: Iterable[Animal]) -> list[bytes]:
    """Files with the byte before them that chooses the options."""
    return [b"\0" + animal.content for animal in found if len(animal.content) < LONGEST]


def _form(**parts: bytes) -> bytes:
    lines = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n'
        % (BOUNDARY.encode(), name, part)
        for name, part in ((name.replace("__", ".").encode(), part) for name, part in parts.items())
    ]
    return b"".join(lines) + b"--%s--\r\n" % BOUNDARY.encode()


def _problem() -> dict[str, Any]:
    return {**DESIGN_EXAMPLE, "data": {"kind": "samples"}}


def _json(value: Any) -> bytes:
    import json  # noqa: PLC0415 - instrumented above all, and of no use to anything else here

    return json.dumps(value).encode()


def _archives() -> list[bytes]:
    text = np.array(_json(_problem()).decode())
    arrays: dict[str, Any] = {"data.x": TABLE[:, :3], "data.y": TABLE[:, 3], "request": text}
    return [as_npz(**arrays), as_npz(packed=True, **arrays), as_npz(request=np.array(_json(DESIGN_EXAMPLE).decode()))]


def _samples() -> bytes:
    arrays: dict[str, Any] = {"data.x": TABLE[:, :3], "data.y": TABLE[:, 3]}
    return as_npz(**arrays)


def _bodies(content_type: str) -> Callable[[bytes], None]:
    return lambda content: read_body(content, content_type)


def _files(form: str) -> Callable[[bytes], None]:
    return lambda content: read_file(content, form)


TABLES: Final = (TABLE[:5], np.round(TABLE[:8]))
READERS: Final[Mapping[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]]] = {
    "body of JSON": (
        _bodies("application/json"),
        lambda: [_json(DESIGN_EXAMPLE), _json({**_problem(), "data": {"kind": "samples", "x": [[1.0]], "y": [2.0]}})],
    ),
    "body of npz": (_bodies("application/x-npz"), _archives),
    "form with npy": (
        _bodies(f"multipart/form-data; boundary={BOUNDARY}"),
        lambda: [
            _form(problem=_json(_problem()), data__x=as_npy(TABLE[:, :3]), data__y=as_npy(TABLE[:, 3])),
            _form(problem=_json(_problem()), arrays=_samples()),
        ],
    ),
    "upload of arff": (_files("arff"), lambda: _animals(arff_files())),
    "upload of svmlight": (_files("svmlight"), lambda: _animals(svmlight_files())),
    "upload of xlsx": (_files("xlsx"), lambda: _animals(xlsx_files())),
    "upload of zstandard": (_files("csv"), lambda: _animals(packed_files())),
    "upload of csv": (
        _files("csv"),
        lambda: [
            b"\0" + as_csv(TABLE[:5]),
            b"\1" + as_csv(TABLE[:5], NAMES, "\r\n", ";"),
            b'\2"a","b","c","d"\n1,2,3,red\n4,"5",6,"blue"\n7,8,9,red\n',
        ],
    ),
    "upload of npy": (_files("npy"), lambda: [b"\0" + as_npy(table) for table in (*TABLES, TABLE.astype(">f4").T)]),
    "upload of npz": (
        _files("npz"),
        lambda: [b"\1" + as_npz(packed=packed, x=TABLE[:, :3], y=TABLE[:, 3]) for packed in (False, True)],
    ),
    "upload of Parquet": (
        _files("parquet"),
        lambda: [b"\0" + as_parquet(TABLE[:5]), b"\1" + as_parquet(TABLE[:8], compression="gzip")],
    ),
    "upload of Feather": (_files("feather"), lambda: [b"\0" + content for content in _feathers()]),
    "file of a model": (read_model_file, lambda: [*SAME.values(), gemms("Relu")]),
}


def main(name: str, seconds: str, folder: str) -> None:
    """Fuzz one reader; the process ends with status 0 unless something was found."""
    read, seeds = READERS[name]
    corpus = Path(folder) / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        read(seed)
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-timeout={INPUT_S}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={LONGEST}"]
    atheris.Setup([name, *options, f"-artifact_prefix={folder}/", "-print_final_stats=1", str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
