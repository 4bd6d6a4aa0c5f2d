import ssl
import stat
from pathlib import Path

import pytest

from service.jobs.certificates import ROLES, write_keys


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_keys_are_made_once_and_are_the_owners(tmp_path: Path) -> None:
    assert write_keys(tmp_path)
    made = files(tmp_path)
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600 for name in made)
    assert not write_keys(tmp_path)
    assert files(tmp_path) == made


def test_only_the_api_and_the_database_see_the_password_and_each_role_has_a_key_of_its_own(tmp_path: Path) -> None:
    write_keys(tmp_path)
    made = files(tmp_path)
    password = made["database/postgres-password"]
    assert {name for name, content in made.items() if password in content} == {
        "api/pgpass",
        "database/postgres-password",
    }
    assert len({made[f"{role}/key.pem"] for role in ROLES}) == len(ROLES)
    # a key of the authority would make further roles
    assert sum(b"PRIVATE KEY" in content for content in made.values()) == len(ROLES)


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
    for client in ROLES:
        for server in ROLES:
            shake_hands(tmp_path / "one" / client, tmp_path / "one" / server)
    with pytest.raises(ssl.SSLError):
        shake_hands(tmp_path / "one" / "worker", tmp_path / "other" / "scheduler")
