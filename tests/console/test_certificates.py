"""TLS with certificates of the staff (USBKEY): who shows none, or another's, does not get in."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from admin_api.console.app import build_app
from admin_api.console.serve import Listening, config_for, console_for
from admin_api.errors import Refused
from tests.console.conftest import Room
from tests.loopback import running
from tests.office.people import PASSPHRASE

Key = ec.EllipticCurvePrivateKey


class Authority:
    """A certificate authority of the test's own; writes PEM files into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.path = folder / "authority.pem"
        certificate = self._certificate("authority", self.key, authority=True)
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate = self._certificate(name, key)
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _certificate(self, name: str, key: Key, *, authority: bool = False) -> x509.Certificate:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(self.key, hashes.SHA256())
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def address(room: Room, authority: Authority) -> Iterator[str]:
    certificate, key = authority.issue("localhost")
    listening = Listening("127.0.0.1", 0, ("localhost",), certificate, key, authority.path)
    console = console_for(room.desk.office, listening, second_factor=False)
    with running(config_for(build_app(console), listening)) as port:
        yield f"https://localhost:{port}"


def browser(authority: Authority, address: str, name: str = "") -> httpx2.Client:
    context = ssl.create_default_context(cafile=str(authority.path))
    if name:
        context.load_cert_chain(*map(str, authority.issue(name)))
    return httpx2.Client(base_url=address, verify=context)


def test_one_signs_in_with_ones_own_certificate(address: str, authority: Authority) -> None:
    said = {"name": "sun", "passphrase": PASSPHRASE}
    with browser(authority, address, "sun") as own:
        answer = own.post("/sign-in", data=said)
        assert answer.status_code == 200, answer.text
        assert "__Host-kaowu=" in answer.headers["set-cookie"]
        assert "Secure" in answer.headers["set-cookie"]
        assert own.get("/account").json()["name"] == "sun"
        cookie = own.cookies.get("__Host-kaowu")
        assert "max-age" in own.get("/account").headers["strict-transport-security"]
    with browser(authority, address, "song") as other:
        assert other.post("/sign-in", data=said).status_code == 403
        stolen = {"Cookie": f"__Host-kaowu={cookie}"}
        assert other.get("/account", headers=stolen).status_code == 403


def test_without_a_certificate_there_is_no_connection(address: str, authority: Authority) -> None:
    with browser(authority, address) as bare, pytest.raises(httpx2.TransportError):
        bare.get("/sign-in")


def test_plain_text_is_for_this_machine_only(authority: Authority) -> None:
    with pytest.raises(Refused, match="needs --certificate"):
        Listening("0.0.0.0")
    with pytest.raises(Refused, match="both"):
        Listening(certificate=authority.path)
    broken = Listening(certificate=authority.path, key=authority.path)
    with pytest.raises(Refused, match="cannot be read"):
        config_for(lambda *_: None, broken)
