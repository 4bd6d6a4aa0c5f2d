"""Bodies that cost a server as much as their bytes can, of every kind and any size."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final

import numpy as np

JSON: Final = {"content-type": "application/json"}
NPZ: Final = {"content-type": "application/x-npz"}
FORM: Final = {"content-type": "multipart/form-data; boundary=x"}
DATA: Final = {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1.0}


@dataclass(frozen=True, slots=True)
class WorstBody:
    """A kind of body; ``make(size)`` has about that many bytes."""

    name: str
    make: Callable[[int], bytes]
    path: str = "/v1/minima"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


def _network(layers: str, rest: str = "") -> bytes:
    return (f'{{"network":{{"layers":[{layers}]{rest}}},"data":{json.dumps(DATA)}}}').encode()


def _repeated(piece: str, size: int, joint: str = ",") -> str:
    count = max(1, size // len(piece + joint))
    return (piece + joint) * (count - 1) + piece


def _numbered(piece: str, size: int) -> str:
    """Pieces with a number in each, so that none is like another."""
    count = max(1, size // (len(piece) + 6))
    return ",".join(piece.replace("#", str(index)) for index in range(count))


def _samples(number: str, size: int) -> bytes:
    row = f"[{_repeated(number, 400)}]"
    rows = _repeated(row, size // 2)
    count = rows.count("[")
    targets = _repeated("1", 2 * count)
    return (
        f'{{"network":{{"layers":[{{"width":1}}]}},"data":{{"kind":"samples","x":[{rows}],"y":[{targets}]}}}}'.encode()
    )


def _moments(size: int) -> bytes:
    side = max(1, int((size / 2 / 5) ** 0.5))
    matrix = np.where(np.eye(side) > 0, 1.25, 0.01).round(2).tolist()
    data = {"kind": "moments", "xx": matrix, "xy": matrix, "yy": 2.0 * side}
    return json.dumps({"network": {"layers": [{"width": side}]}, "data": data}, separators=(",", ":")).encode()


def _batch(size: int, problems: int, **options: Any) -> bytes:
    each = json.loads(_moments(max(200, size // problems)))
    return json.dumps({"problems": [each] * problems, **options}, separators=(",", ":")).encode()


def _npz(arrays: Mapping[str, Any], request: str = "{}", *, packed: bool = True) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, request=np.array(request), **arrays)
    return stream.getvalue()


def crowded(count: int) -> bytes:
    """An archive whose directory has so many entries, all of which lead to the same place."""
    local = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0, 0, 0, 0, 5, 0) + b"a.npy"
    directory = b"".join(
        b"PK\x01\x02"
        + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0)
        + b"%010d" % index
        for index in range(count)
    )
    if count < 2**16 - 1:
        end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(local), 0)
        return local + directory + b"PK\x05\x06" + end
    big = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), len(local))
    place = b"PK\x06\x07" + struct.pack("<IQI", 0, len(local) + len(directory), 1)
    end = struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return local + directory + big + place + b"PK\x05\x06" + end


def _entries(size: int) -> bytes:
    return crowded(max(1, size // 56))


def _bomb(size: int) -> bytes:
    return _npz({"data.x": np.zeros((max(1, size // 8), 100))}, '{"network":{"layers":[{"width":1}]}}')


def npy(descr: str, shape: tuple[int, ...], content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def archive(**entries: bytes) -> bytes:
    """An archive of entries as they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as found:
        for name, content in entries.items():
            found.writestr(f"{name}.npy", content)
    return stream.getvalue()


def _form(size: int) -> bytes:
    part = b'--x\r\ncontent-disposition: form-data; name="a%d"\r\n\r\n1\r\n'
    return b"".join(part % index for index in range(max(1, size // 60))) + b"--x--\r\n"


def _form_headers(size: int) -> bytes:
    headers = b"a: b\r\n" * max(1, size // 6)
    return b'--x\r\ncontent-disposition: form-data; name="problem"\r\n' + headers + b"\r\n{}\r\n--x--\r\n"


def _form_file(size: int) -> bytes:
    head = b'--x\r\ncontent-disposition: form-data; name="problem"\r\n\r\n{}\r\n--x\r\n'
    return (
        head
        + b'content-disposition: form-data; name="data.x"; filename="x"\r\n\r\n'
        + b"\r\n-" * (size // 3)
        + b"\r\n--x--\r\n"
    )


def _crowded(fields: int) -> str:
    return "{" + ",".join(f'"{index}":1' for index in range(fields)) + "}"


def _wrapped(rest: str) -> bytes:
    """A small problem, and something beside it."""
    return f'{{"problem":{_network(ONE).decode()},{rest}}}'.encode()


def _labels(size: int) -> bytes:
    x, y = _repeated("[1]", size // 2), _repeated("1", size // 4)
    data = f'{{"kind":"samples","task":"classification","x":[{x}],"y":[{y}]}}'
    return f'{{"network":{{"layers":[{{"width":2}}]}},"data":{data}}}'.encode()


def _example(name: bytes) -> bytes:
    return b'{"data":{"kind":"example","name":"' + name + b'"}}'


def _archive_in_form(size: int) -> bytes:
    head = b'--x\r\ncontent-disposition: form-data; name="problem"\r\n\r\n{}\r\n--x\r\n'
    return head + b'content-disposition: form-data; name="a"; filename="a"\r\n\r\n' + _entries(size) + b"\r\n--x--\r\n"


def _in_archive(name: str, array: bytes) -> bytes:
    return archive(request=npy("<U2", (), "{}".encode("utf-32-le")), **{name: array})


ONE: Final = '{"width":1}'
FIVE_FAULTS: Final = '{"a":1,"b":1,"c":1,"d":1}'
SKIP: Final = '{"from":0,"to":1,"kind":"identity"}'
FIELD: Final = '"#":1'
FULL: Final = json.dumps(
    {
        "width": 2,
        "activation": "leaky_relu",
        "slope": 0.1,
        "weight_decay": 0.1,
        "kind": "conv",
        "kernel": [1, 1],
        "noise": {"kind": "dropout", "rate": 0.1},
        "channels": 1,
        "in_channels": 1,
        "stride": 1,
    }
)
BATCH: Final = "/v1/minima/batch"
NUMBER: Final = npy("<f8", (1,), bytes(8))

NUMBERED: Final = '"#":[[1]]'
GD: Final = '"gd"'
TEST_PROBLEM: Final = b'{"inputs":1,"outputs":1,"singular_values":[1],"hidden_widths":[%s]}'

OF_JSON: Final = (
    WorstBody("layers without anything", lambda size: _network(_repeated("{}", size))),
    WorstBody("small layers", lambda size: _network(_repeated(ONE, size))),
    WorstBody("layers, each with five faults", lambda size: _network(_repeated(FIVE_FAULTS, size))),
    WorstBody("layers that are numbers", lambda size: _network(_repeated("1", size))),
    WorstBody("layers of every field", lambda size: _network(_repeated(FULL, size))),
    WorstBody("skips", lambda size: _network(ONE, f',"skips":[{_repeated(SKIP, size)}]')),
    WorstBody("unknown fields of the body", lambda size: f"{{{_numbered(FIELD, size)}}}".encode()),
    WorstBody("unknown fields of a layer", lambda size: _network(f'{{"width":1,{_numbered(FIELD, size)}}}')),
    WorstBody("unknown fields of twenty layers", lambda size: _network(_repeated(_crowded(900), size))),
    WorstBody("one name again and again", lambda size: f"{{{_repeated(FIELD, size)}}}".encode()),
    WorstBody("arrays in arrays", lambda size: b"[" * size),
    WorstBody("objects in objects", lambda size: b'{"a":' * (size // 5)),
    WorstBody("190 arrays deep", lambda size: f'{{"data":[{_repeated("[" * 190 + "]" * 190, size)}]}}'.encode()),
    WorstBody("30 arrays deep", lambda size: f'{{"data":[{_repeated("[" * 30 + "]" * 30, size)}]}}'.encode()),
    WorstBody("a long text", lambda size: _example(b"a" * size)),
    WorstBody("a text of escapes", lambda size: _example(b"\\u0041" * (size // 6))),
    WorstBody("a long name", lambda size: f'{{"{"a" * size}":1}}'.encode()),
    WorstBody("numbers of 4,000 digits", lambda size: _samples("9" * 4000, size)),
    WorstBody("fractions of 4,000 digits", lambda size: _samples("0." + "1" * 4000, size)),
    WorstBody("a number of all the bytes", lambda size: _samples("1" * size, 2 * size)),
    WorstBody("samples of one digit", lambda size: _samples("1", size)),
    WorstBody("samples of 17 digits", lambda size: _samples("0.12345678901234567", size)),
    WorstBody("samples that are texts", lambda size: _samples('"a"', size)),
    WorstBody("labels", _labels),
    WorstBody("moments", _moments),
    WorstBody("64 problems", lambda size: _batch(size, 64), BATCH),
    WorstBody("64 problems as columns", lambda size: _batch(size, 64, **{"return": ["loss"]}), BATCH),
    WorstBody("problems without anything", lambda size: f'{{"problems":[{_repeated("{}", size)}]}}'.encode(), BATCH),
    WorstBody("values of a decay", lambda size: _wrapped(f'"vary":{{"decay_scale":[{_repeated("1", size)}]}}'), BATCH),
    WorstBody("widths that are none", lambda size: _wrapped(f'"vary":{{"width":[{_repeated("1.5", size)}]}}'), BATCH),
    WorstBody("axes", lambda size: _wrapped(f'"axes":[{_repeated("{}", size)}]'), "/v1/sweeps"),
    WorstBody("snapshots", lambda size: _wrapped(f'"snapshots":[{_repeated("{}", size)}]'), "/v1/ranks"),
    WorstBody(
        "a snapshot of numbered layers",
        lambda size: _wrapped(f'"snapshots":[{{"weights":{{{_numbered(NUMBERED, size)}}}}}]'),
        "/v1/ranks",
    ),
    WorstBody(
        "weights of many layers", lambda size: _wrapped(f'"weights":[{_repeated("[[1]]", size)}]'), "/v1/diagnose"
    ),
    WorstBody("optimisers", lambda size: _wrapped(f'"optimisers":[{_repeated(GD, size)}]'), "/v1/races"),
    WorstBody("hidden widths", lambda size: TEST_PROBLEM % _repeated("1", size).encode(), "/v1/problems"),
)
OTHERS: Final = (
    WorstBody("entries of an archive", _entries, headers=NPZ),
    WorstBody("an archive that unpacks to a thousand times its bytes", _bomb, headers=NPZ),
    WorstBody(
        "rows without columns in an archive", lambda _: _in_archive("data.x", npy("<f8", (10**15, 0))), headers=NPZ
    ),
    WorstBody(
        "columns without rows in an archive", lambda _: _in_archive("data.x", npy("<f8", (0, 2**62))), headers=NPZ
    ),
    WorstBody("a shape that overflows", lambda _: _in_archive("data.x", npy("<f8", (2**40, 2**40))), headers=NPZ),
    WorstBody("texts without characters", lambda _: archive(request=npy("<U0", (10**15,))), headers=NPZ),
    WorstBody("half a character", lambda _: archive(request=npy("<U1", (), b"\0\xd8\0\0")), headers=NPZ),
    WorstBody("no character", lambda _: archive(request=npy("<U1", (), b"\0\0\0\x7f")), headers=NPZ),
    WorstBody("a name of digits", lambda size: _in_archive("data." + "9" * min(size, 60_000), NUMBER), headers=NPZ),
    WorstBody("a name of a few digits", lambda _: _in_archive("data.x." + "9" * 100, NUMBER), headers=NPZ),
    WorstBody("a name of steps", lambda size: _in_archive("a" + ".a" * min(size // 2, 30_000), NUMBER), headers=NPZ),
    WorstBody("a name of a hundred steps", lambda _: _in_archive("a" + ".a" * 95, NUMBER), headers=NPZ),
    WorstBody("entries of an archive in a form", _archive_in_form, headers=FORM),
    WorstBody("parts of a form", _form, headers=FORM),
    WorstBody("headers of a part", _form_headers, headers=FORM),
    WorstBody("a file of almost boundaries", _form_file, headers=FORM),
    *(
        WorstBody(
            f"a body packed by {coding}", lambda size: gzip.compress(bytes(min(1000 * size, 2**24))), headers=packed
        )
        for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip")
        for packed in [{**JSON, "content-encoding": coding}]
    ),
)
BODIES: Final[tuple[WorstBody, ...]] = (*OF_JSON, *OTHERS)


def made(sizes: tuple[int, ...]) -> Iterator[tuple[WorstBody, bytes]]:
    """Every body at every size, none twice."""
    seen = set()
    for body in BODIES:
        for size in sizes:
            content = body.make(size)
            if (body.name, len(content)) not in seen:
                seen.add((body.name, len(content)))
                yield body, content


def sent(port: int, body: WorstBody, content: bytes) -> int:
    """The status of the answer; 0 if the connection ended without one."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        # a server may answer and close before it has read everything
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", body.path, content, dict(body.headers))
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return 0
    else:
        return answer.status
    finally:
        connection.close()
