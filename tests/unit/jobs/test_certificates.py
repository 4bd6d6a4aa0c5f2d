import ssl
import stat
from pathlib import Path

import pytest

from service.jobs.certificates import write_keys


def test_keys_are_made_once_and_are_the_owners(tmp_path: Path) -> None:
    assert write_keys(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())
    assert not write_keys(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made
    assert made["pgpass"].rstrip().endswith(made["postgres-password"])


def context(folder: Path, purpose: ssl.Purpose) -> ssl.SSLContext:
    """Set up one side as Dask does: both show a certificate, and names of hosts do not matter."""
    made = ssl.create_default_context(purpose, cafile=folder / "ca.pem")
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return made


def shake_hands(client_keys: Path, server_keys: Path) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context(client_keys, ssl.Purpose.SERVER_AUTH).wrap_bio(to_client, to_server)
    server = context(server_keys, ssl.Purpose.CLIENT_AUTH).wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    client.write(b"x")
    assert server.read() == b"x"


def test_members_of_one_deployment_trust_each_other_and_nobody_else(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_keys(tmp_path / name)
    shake_hands(tmp_path / "one", tmp_path / "one")
    with pytest.raises(ssl.SSLError):
        shake_hands(tmp_path / "one", tmp_path / "other")
