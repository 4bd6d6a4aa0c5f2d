"""``python -m service.jobs.certificates FOLDER``: keys for one deployment, made on its first start and never shipped.

Writes a folder for each of ``api``, ``scheduler`` and ``worker``, who trust nobody else: ``ca.pem``, and a
``certificate.pem`` and ``key.pem`` of its own.  A random password for the database goes to the folders ``api`` and
``database`` alone.  Does nothing where they exist already.
"""

import datetime
import os
import secrets
import sys
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.errors import EngineError

_YEARS: Final = 10
ROLES: Final = ("worker", "scheduler", "api")
"""Who shows a certificate to whom."""
_LAST: Final = "api/key.pem"
"""Written last, because its presence says that all is there."""


def write_keys(folder: Path) -> bool:
    """Write everything, readable by the owner alone; return False if it is there already.

    The key of the authority is not kept, so that nobody can add a role later.

    Raises
    ------
    EngineError
        If the folder cannot be written.
    """
    if (folder / _LAST).exists():
        return False
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("minima authority", authority_key, authority_key, None)
    password = secrets.token_urlsafe(24)
    contents = {"database/postgres-password": password.encode(), "api/pgpass": f"*:*:*:*:{password}\n".encode()}
    for role in ROLES:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(f"minima {role}", key, authority_key, authority)
        contents[f"{role}/ca.pem"] = authority.public_bytes(serialization.Encoding.PEM)
        contents[f"{role}/certificate.pem"] = certificate.public_bytes(serialization.Encoding.PEM)
        contents[f"{role}/key.pem"] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    try:
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _write(folder / name, content)
    except OSError as error:
        raise EngineError(f"keys cannot be written to {folder} ({error.strerror})") from error
    return True


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate | None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if authority is None else authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def main() -> None:
    """Write keys to the folder named on the command line."""
    write_keys(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
