import io
from typing import Any

import numpy as np
import pytest

from service.errors import BodyTooLarge, MalformedBody
from service.operations.uploads.in_memory import read_npy, read_npz
from service.web.bodies.npz import announced_bytes, as_json, by_place, place, write_npz
from service.web.bodies.reading import Body, is_large


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(4, dtype=">i2"),
        np.array([True, False]),
        np.array([[0.5]], dtype=np.float32),
        np.zeros((0, 3)),
        np.array(2.5),
    ],
)
def test_arrays_survive(array: Any) -> None:
    read = read_npy(npy(array), "x")
    assert read.shape == array.shape
    assert as_json(read, "x") == array.tolist()


def test_every_truncation_is_refused() -> None:
    whole = npy(np.arange(3.0))
    for length in range(len(whole)):
        with pytest.raises(MalformedBody):
            read_npy(whole[:length], "x")


def test_the_limit_counts_all_entries_together() -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.zeros(1000), b=np.zeros(1000))
    assert set(read_npz(stream.getvalue(), 2 * 8128)) == {"a", "b"}
    with pytest.raises(BodyTooLarge):
        read_npz(stream.getvalue(), 2 * 8128 - 1)


def test_the_announced_size_decides_where_a_body_is_read() -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.zeros(100_000))
    small = stream.getvalue()
    assert len(small) < 10_000
    assert announced_bytes(small) == 800_128
    assert announced_bytes(b"no archive") == 0
    assert is_large(Body(small, "application/x-npz"), 2**19, 2**25)
    assert not is_large(Body(small, "application/x-npz"), 2**20, 2**25)
    assert is_large(Body(b"--x\r\n\r\n" + small, "multipart/form-data; boundary=x"), 2**20, 2**25)
    assert not is_large(Body(small, "application/json"), 2**20, 2**25)
    with pytest.raises(BodyTooLarge):
        is_large(Body(small, "application/x-npz"), 2**18, 2**19)


def test_an_announced_size_that_lies_unpacks_no_more_than_announced() -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.zeros(1000))
    lying = stream.getvalue().replace((8128).to_bytes(4, "little"), (200).to_bytes(4, "little"))
    assert announced_bytes(lying) == 200
    with pytest.raises(MalformedBody):
        read_npz(lying, 10_000)


def test_places_are_made_but_never_overwritten() -> None:
    document: dict[str, Any] = {"problems": [{"data": {"kind": "samples"}}]}
    place(document, "problems.0.data.x", [[1.0]])
    place(document, "vary.width", [1])
    assert document == {"problems": [{"data": {"kind": "samples", "x": [[1.0]]}}], "vary": {"width": [1]}}
    for path in ("problems.0.data.x", "problems.1.data", "problems.x", "vary.width.0"):
        with pytest.raises(MalformedBody):
            place(document, path, 0)


def test_arrays_fill_lists_in_order_and_leave_no_gap() -> None:
    document: dict[str, Any] = {"biases": [None, None]}
    for name in sorted(["weights.1", "biases.1", "weights.0"], key=by_place):
        place(document, name, name)
    assert document == {"weights": ["weights.0", "weights.1"], "biases": [None, "biases.1"]}
    for path in ("weights.3", "weights.1", "biases.1", "weights.x"):
        with pytest.raises(MalformedBody):
            place(document, path, 0)
    assert by_place("weights.2") < by_place("weights.10")


def test_written_archives_need_no_pickle() -> None:
    content = write_npz({"loss": np.array([1.0, 2.0])}, b'{"count": 2}')
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        assert archive["loss"].tolist() == [1.0, 2.0]
        assert str(archive["answer"]) == '{"count": 2}'


def test_damage_to_any_byte_of_an_archive_is_the_senders_fault() -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.arange(40.0))
    whole, refused = stream.getvalue(), 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        try:
            read_npz(bytes(damaged), 10_000)
        except (MalformedBody, BodyTooLarge):
            refused += 1
    assert refused > len(whole) // 2
