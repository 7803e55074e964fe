"""Keys of a cluster: whoever reaches a scheduler can run code on every machine of it.

So a cluster runs in a network of its own, or with mutual TLS: one authority made for it, and one
certificate that all its machines hold. Without it nobody gets in, in either direction.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING

from omr.errors import OmrError, OutputError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from distributed import Security

AUTHORITY, CERTIFICATE, KEY = "authority.pem", "machine.pem", "machine.key"


def make_keys(folder: Path, now: datetime.datetime, days: int = 400) -> None:
    """Write a new authority's certificate, and a certificate and key for the machines.

    The authority's own key is thrown away: nothing else can ever be signed by it.

    Raises:
        OutputError: the folder cannot be written, or holds keys already.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    above, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    until = now + datetime.timedelta(days=days)
    authority = _certificate("cards cluster authority", above, above, (now, until))
    machine = _certificate("cards cluster machine", own, above, (now, until))
    pem = serialization.Encoding.PEM
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (
            (KEY, secret),
            (CERTIFICATE, machine.public_bytes(pem)),
            (AUTHORITY, authority.public_bytes(pem)),
        ):
            mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with open(os.open(folder / name, mode, 0o600), "wb") as file:
                file.write(content)
    except FileExistsError as error:
        raise OutputError(f"{folder} holds keys already; choose another folder") from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error


def security(folder: Path | None, address: str) -> Security | None:
    """What a connection to the address needs; None for an open one.

    Raises:
        OmrError: `tls://` without keys, keys without `tls://`, or keys that are not there.
    """
    if address.startswith("tls://") != (folder is not None):
        raise OmrError("an address tls://… and a folder of keys go together; give both or neither")
    if folder is None:
        return None
    from distributed import Security

    if missing := [n for n in (AUTHORITY, CERTIFICATE, KEY) if not (folder / n).is_file()]:
        raise OmrError(
            f"{folder} has no {', '.join(missing)}; make keys once with `omr cluster keys DIR` and "
            "copy the folder to every machine"
        )
    pair = {}
    for role in ("scheduler", "worker", "client"):
        pair[f"tls_{role}_cert"] = str(folder / CERTIFICATE)
        pair[f"tls_{role}_key"] = str(folder / KEY)
    return Security(tls_ca_file=str(folder / AUTHORITY), require_encryption=True, **pair)


def _certificate(
    name: str,
    key: EllipticCurvePrivateKey,
    signed_by: EllipticCurvePrivateKey,
    valid: tuple[datetime.datetime, datetime.datetime],
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    above = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cards cluster authority")])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0] - datetime.timedelta(hours=1))  # clocks differ a little
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=key is signed_by, path_length=None), critical=True)
        .sign(signed_by, hashes.SHA256())
    )
