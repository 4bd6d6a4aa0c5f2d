"""Bodies that cost a server as much as their bytes can: every kind, at the size below which the loop reads and above."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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


def _entries(size: int) -> bytes:
    """A directory of entries, all of which lead to the same place."""
    count = max(1, size // 56)
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


BODIES: Final[tuple[WorstBody, ...]] = (
    WorstBody("layers without anything", lambda size: _network(_repeated("{}", size))),
    WorstBody("small layers", lambda size: _network(_repeated('{"width":1}', size))),
    WorstBody("layers, each with five faults", lambda size: _network(_repeated('{"a":1,"b":1,"c":1,"d":1}', size))),
    WorstBody("layers that are numbers", lambda size: _network(_repeated("1", size))),
    WorstBody(
        "layers of every field",
        lambda size: _network(
            _repeated(
                json.dumps(
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
                ),
                size,
            )
        ),
    ),
    WorstBody(
        "skips",
        lambda size: _network(
            '{"width":1}',
            f',"skips":[{_repeated(chr(123) + chr(34) + "from" + chr(34) + ":0," + chr(34) + "to" + chr(34) + ":1," + chr(34) + "kind" + chr(34) + ":" + chr(34) + "identity" + chr(34) + "}", size)}]',
        ),
    ),
    WorstBody(
        "unknown fields of the body", lambda size: f"{{{_numbered(chr(34) + '#' + chr(34) + ':1', size)}}}".encode()
    ),
    WorstBody(
        "unknown fields of a layer",
        lambda size: _network(f'{{"width":1,{_numbered(chr(34) + "#" + chr(34) + ":1", size)}}}'),
    ),
    WorstBody(
        "one name again and again", lambda size: f"{{{_repeated(chr(34) + 'a' + chr(34) + ':1', size)}}}".encode()
    ),
    WorstBody("arrays in arrays", lambda size: b"[" * size),
    WorstBody("objects in objects", lambda size: b'{"a":' * (size // 5)),
    WorstBody(
        "190 arrays deep, many times", lambda size: f'{{"data":[{_repeated("[" * 190 + "]" * 190, size)}]}}'.encode()
    ),
    WorstBody("a long text", lambda size: f'{{"data":{{"kind":"example","name":"{"a" * size}"}}}}'.encode()),
    WorstBody(
        "a text of escapes",
        lambda size: (
            f'{{"data":{{"kind":"example","name":"{chr(92) + "u0041"}'.encode() + b"\\u0041" * (size // 6) + b'"}}'
        ),
    ),
    WorstBody("a long name", lambda size: f'{{"{"a" * size}":1}}'.encode()),
    WorstBody("numbers of 4,000 digits", lambda size: _samples("9" * 4000, size)),
    WorstBody("fractions of many digits", lambda size: _samples("0." + "1" * 4000, size)),
    WorstBody("a number of all the bytes", lambda size: _samples("1" * size, 2 * size)),
    WorstBody("samples of one digit", lambda size: _samples("1", size)),
    WorstBody("samples of 17 digits", lambda size: _samples("0.12345678901234567", size)),
    WorstBody("samples that are texts", lambda size: _samples('"a"', size)),
    WorstBody("rows without numbers", lambda size: _samples("", size)),
    WorstBody(
        "labels",
        lambda size: (
            f'{{"network":{{"layers":[{{"width":2}}]}},"data":{{"kind":"samples","task":"classification","x":[{_repeated("[1]", size // 2)}],"y":[{_repeated("1", size // 4)}]}}}}'.encode()
        ),
    ),
    WorstBody("moments", _moments),
    WorstBody("64 problems", lambda size: _batch(size, 64), "/v1/minima/batch"),
    WorstBody(
        "problems without anything",
        lambda size: f'{{"problems":[{_repeated("{}", size)}]}}'.encode(),
        "/v1/minima/batch",
    ),
    WorstBody("problems as columns", lambda size: _batch(size, 64, **{"return": ["loss"]}), "/v1/minima/batch"),
    WorstBody(
        "values of a decay",
        lambda size: (
            f'{{"problem":{_network(chr(123) + chr(34) + "width" + chr(34) + ":1}").decode()},"vary":{{"decay_scale":[{_repeated("1", size)}]}}}}'.encode()
        ),
        "/v1/minima/batch",
    ),
    WorstBody(
        "varied widths",
        lambda size: (
            f'{{"problem":{_network(chr(123) + chr(34) + "width" + chr(34) + ":1}").decode()},"vary":{{"width":[{_repeated("1.5", size)}]}}}}'.encode()
        ),
        "/v1/minima/batch",
    ),
    WorstBody(
        "axes",
        lambda size: (
            f'{{"problem":{_network(chr(123) + chr(34) + "width" + chr(34) + ":1}").decode()},"axes":[{_repeated("{}", size)}]}}'.encode()
        ),
        "/v1/sweeps",
    ),
    WorstBody(
        "snapshots",
        lambda size: (
            f'{{"problem":{_network(chr(123) + chr(34) + "width" + chr(34) + ":1}").decode()},"snapshots":[{_repeated("{}", size)}]}}'.encode()
        ),
        "/v1/ranks",
    ),
    WorstBody(
        "a snapshot of numbered layers",
        lambda size: (
            f'{{"problem":{_network(chr(123) + chr(34) + "width" + chr(34) + ":1}").decode()},"snapshots":[{{"weights":{{{_numbered(chr(34) + "#" + chr(34) + ":[[1]]", size)}}}}}]}}'.encode()
        ),
        "/v1/ranks",
    ),
    WorstBody(
        "weights of many layers",
        lambda size: (
            f'{{"problem":{_network(chr(123) + chr(34) + "width" + chr(34) + ":1}").decode()},"weights":[{_repeated("[[1]]", size)}]}}'.encode()
        ),
        "/v1/diagnose",
    ),
    WorstBody(
        "optimisers",
        lambda size: (
            f'{{"problem":{_network(chr(123) + chr(34) + "width" + chr(34) + ":1}").decode()},"optimisers":[{_repeated(chr(34) + "gd" + chr(34), size)}]}}'.encode()
        ),
        "/v1/races",
    ),
    WorstBody(
        "hidden widths of a test problem",
        lambda size: (
            f'{{"inputs":1,"outputs":1,"singular_values":[1],"hidden_widths":[{_repeated("1", size)}]}}'.encode()
        ),
        "/v1/problems",
    ),
    WorstBody("entries of an archive", _entries, headers=NPZ),
    WorstBody(
        "entries of an archive in a form",
        lambda size: (
            b'--x\r\ncontent-disposition: form-data; name="problem"\r\n\r\n{}\r\n--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\n'
            + _entries(size)
            + b"\r\n--x--\r\n"
        ),
        headers=FORM,
    ),
    WorstBody("an archive that unpacks to a thousand times its bytes", _bomb, headers=NPZ),
    WorstBody(
        "rows without columns in an archive",
        lambda size: archive(request=npy("<U2", (), "{}".encode("utf-32-le")), **{"data.x": npy("<f8", (10**15, 0))}),
        headers=NPZ,
    ),
    WorstBody(
        "texts without characters in an archive", lambda size: archive(request=npy("<U0", (10**15,))), headers=NPZ
    ),
    WorstBody(
        "a name of numbers in an archive",
        lambda size: archive(
            request=npy("<U2", (), "{}".encode("utf-32-le")),
            **{"data." + "9" * min(size, 60_000): npy("<f8", (1,), b"\0" * 8)},
        ),
        headers=NPZ,
    ),
    WorstBody(
        "a name of many steps in an archive",
        lambda size: archive(
            request=npy("<U2", (), "{}".encode("utf-32-le")),
            **{"a" + ".a" * min(size // 2, 30_000): npy("<f8", (1,), b"\0" * 8)},
        ),
        headers=NPZ,
    ),
    WorstBody(
        "half a character in an archive", lambda size: archive(request=npy("<U1", (), b"\x00\xd8\x00\x00")), headers=NPZ
    ),
    WorstBody(
        "a packed body", lambda size: gzip.compress(b" " * 1000 * size), headers={**JSON, "content-encoding": "gzip"}
    ),
    WorstBody("parts of a form", _form, headers=FORM),
    WorstBody("headers of a part", _form_headers, headers=FORM),
    WorstBody("a file of almost boundaries", _form_file, headers=FORM),
)


def made(sizes: tuple[int, ...]) -> Iterator[tuple[WorstBody, bytes]]:
    """Every body at every size, none twice."""
    seen = set()
    for body in BODIES:
        for size in sizes:
            content = body.make(size)
            if (body.name, len(content)) not in seen:
                seen.add((body.name, len(content)))
                yield body, content
