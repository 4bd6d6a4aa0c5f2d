"""Sockets in the file system: one that is in use is left alone, one that was left over is replaced."""

import socket
from pathlib import Path

import pytest

from service.cli.errors import CommandError
from service.cli.listening import bind_unix, inherited, remove_unix, shown


def test_a_socket_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "http.sock"
    with bind_unix(place) as listener:
        assert shown(listener, "127.0.0.1") == f"unix:{place}"
        with pytest.raises(CommandError, match="choose another place with --uds"):
            bind_unix(place)
        assert place.exists()
        remove_unix(listener)
        assert not place.exists()


def test_a_socket_that_was_left_over_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(place))
    with bind_unix(place), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(place))


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "notes.txt"
    place.write_text("mine")
    with pytest.raises(CommandError, match=r"notes\.txt"):
        bind_unix(place)
    assert place.read_text() == "mine"


def test_a_descriptor_that_is_no_socket_is_refused() -> None:
    with pytest.raises(CommandError, match="descriptor 999"):
        inherited(999)
