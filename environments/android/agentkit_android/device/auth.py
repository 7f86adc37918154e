"""Who may use the phone over adb: keys that somebody allowed on it.

The host signs a token of 20 random bytes as if it were a SHA-1 digest (RSA, PKCS #1 v1.5). One that
has no known key sends its public key and waits; when it is allowed, it is connected at once.
"""

from __future__ import annotations

import base64
import secrets
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA1

Key = rsa.RSAPublicKey
TOKEN, SIGNATURE, PUBLIC_KEY = 1, 2, 3
WORDS = 64  # 32-bit words of a 2048-bit modulus
MAX_KEYS = 100


def token() -> bytes:
    return secrets.token_bytes(20)


def public_key(sent: bytes) -> Key:
    """A key as adb writes it: base64 of size, n0inv, modulus, rr and exponent, then a name.

    Raises:
        ValueError: it is none.
    """
    plain = base64.b64decode(sent.rstrip(b"\0").split(b" ")[0], validate=True)
    if len(plain) != 12 + 8 * WORDS or struct.unpack_from("<I", plain)[0] != WORDS:
        raise ValueError("not a 2048-bit key of adb")
    modulus = int.from_bytes(plain[8 : 8 + 4 * WORDS], "little")
    exponent = struct.unpack_from("<I", plain, 8 + 8 * WORDS)[0]
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


class Keys:
    """The keys that were allowed. `ask`: whether others have to wait for that."""

    def __init__(self, *, ask: bool = False) -> None:
        self.ask = ask
        self._known: list[Key] = []

    def allow(self, key: Key) -> None:
        self._known = [*self._known, key][-MAX_KEYS:]

    def forget(self) -> None:
        self._known = []

    def signed(self, signature: bytes, given: bytes) -> bool:
        """Whether one of the keys made this signature of a token."""
        for key in self._known:
            try:
                key.verify(signature, given, padding.PKCS1v15(), utils.Prehashed(SHA1()))
            except InvalidSignature:
                continue
            return True
        return False
