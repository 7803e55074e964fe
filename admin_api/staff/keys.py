"""A person's Ed25519 key, sealed under a passphrase; and sealing in general."""

from __future__ import annotations

import base64
import os

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from admin_api.errors import NotAllowed, Refused

LEAST_PASSPHRASE = 12
_SALT, _NONCE = 16, 12
_COST = {"time_cost": 2, "memory_cost": 19 * 1024, "parallelism": 1}  # 19 MiB, some 45 ms a guess


def new_key(name: str, passphrase: str) -> tuple[str, str]:
    """A new key pair: the public key in hex, and the private one sealed.

    Raises:
        Refused: the passphrase is too short.
    """
    key = Ed25519PrivateKey.generate()
    return key.public_key().public_bytes_raw().hex(), sealed_key(name, key, passphrase)


def sealed_key(name: str, key: Ed25519PrivateKey, passphrase: str) -> str:
    """A private key sealed under a passphrase.

    Raises:
        Refused: the passphrase is too short.
    """
    if len(passphrase) < LEAST_PASSPHRASE:
        raise Refused(f"a passphrase needs at least {LEAST_PASSPHRASE} characters; choose another")
    salt = os.urandom(_SALT)
    sealed = salt + seal(_derived(passphrase, salt), key.private_bytes_raw(), name)
    return base64.b64encode(sealed).decode()


def unlock(name: str, sealed: str, passphrase: str) -> Ed25519PrivateKey:
    """The private key.

    Raises:
        NotAllowed: the passphrase is wrong.
    """
    content = base64.b64decode(sealed)
    salt, rest = content[:_SALT], content[_SALT:]
    try:
        return Ed25519PrivateKey.from_private_bytes(unseal(_derived(passphrase, salt), rest, name))
    except InvalidTag:
        raise NotAllowed(f"that is not the passphrase of {name}; try again") from None


def is_signed(public_key: str, message: bytes, signature: str) -> bool:
    """Whether the signature (hex) of a message is that public key's (hex)."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            bytes.fromhex(signature), message
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def seal(key: bytes, content: bytes, purpose: str) -> bytes:
    """Content under AES-256-GCM, bound to its purpose: a nonce, then the sealed bytes."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, purpose.encode())


def unseal(key: bytes, sealed: bytes, purpose: str) -> bytes:
    """What was sealed.

    Raises:
        InvalidTag: another key, another purpose, or altered.
    """
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())


def _derived(passphrase: str, salt: bytes) -> bytes:
    """Argon2id (RFC 9106)."""
    return hash_secret_raw(passphrase.encode(), salt, hash_len=32, type=Type.ID, **_COST)
