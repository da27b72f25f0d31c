"""Keys as people paste them: private keys for credentials, and lines of known_hosts. No Django, no database.

Whatever is wrong with a key is said in one sentence, which never contains the key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import warnings
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning

MIN_RSA_BITS = 2048
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}

_PUBLIC_STARTS = ("ssh-", "ecdsa-", "sk-", "-----BEGIN PUBLIC", "-----BEGIN RSA PUBLIC", "---- BEGIN SSH2 PUBLIC")

NOT_A_KEY = "This is not a private key: paste the whole file, from its BEGIN line to its END line."
DOES_NOT_OPEN = "The passphrase does not open this key: enter the key's own passphrase."
IS_PROTECTED = "This key is protected: enter its passphrase as well."
IS_NOT_PROTECTED = "This key has no passphrase: leave the passphrase empty."
NO_DSA = "DSA keys are refused by current SSH servers: make a new key with ssh-keygen -t ed25519."
NOT_SUPPORTED = "This kind of key cannot be used: use an ed25519, ECDSA or RSA key."

PrivateKeyTypes = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class KeyTextError(Exception):
    """A pasted key cannot be used. ``about_passphrase`` says which of the two fields is to blame."""

    def __init__(self, sentence: str, *, about_passphrase: bool = False) -> None:
        super().__init__(sentence)
        self.about_passphrase = about_passphrase


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A usable private key: ``text`` in OpenSSH's own form, under its passphrase where it has one."""

    text: str = field(repr=False)
    public_key: str
    fingerprint: str
    has_passphrase: bool


@dataclass(frozen=True, slots=True)
class KnownHostsLine:
    """One line of known_hosts, or a public key alone; ``names`` is empty then."""

    names: tuple[str, ...]
    key_type: str
    key: str
    fingerprint: str

    def is_for(self, host: str, port: int) -> bool:
        """Whether the line names this address; a line without names fits every address."""
        wanted = host if port == 22 else f"[{host}]:{port}"
        return not self.names or any(_name_matches(name, wanted) for name in self.names)


def fingerprint_of(blob: bytes) -> str:
    """The SHA-256 fingerprint of a public key as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read_private_key(text: str, passphrase: str = "") -> PrivateKey:
    """Check a pasted private key with its passphrase. Raises :class:`KeyTextError`.

    OpenSSH and PEM forms are read, whatever their line ends; what comes back is in OpenSSH's form, because the
    SSH library reads that one for every kind of key.
    """
    text = _tidy(text)
    _refuse_what_is_no_private_key(text)
    key = _usable(_load(text.encode(), passphrase.encode() or None))
    secret = passphrase.encode()
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    protection = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    stored = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, protection)
    return PrivateKey(stored.decode(), public, fingerprint_of(base64.b64decode(public.split()[1])), bool(secret))


def read_known_hosts_line(text: str) -> KnownHostsLine:
    """Check a pasted known_hosts line, or a ``type key`` pair. Raises :class:`KeyTextError`."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if len(lines) != 1:
        raise KeyTextError(f"Paste one line at a time: this has {len(lines)}.")
    words = lines[0].split()
    if words[0].startswith("@"):
        raise KeyTextError(f"Lines marked {words[0]} are not supported: paste the line of a plain host key.")
    if "PRIVATE" in lines[0]:
        raise KeyTextError("This is a private key: paste the host's public key, as it stands in known_hosts.")
    names, pair = (words[0].split(","), words[1:3]) if not words[0].startswith(_PUBLIC_STARTS) else ([], words[:2])
    if len(pair) != 2:
        raise KeyTextError("This is not a known_hosts line: it needs a host, a key type and a key.")
    blob = _checked_blob(*pair)
    return KnownHostsLine(tuple(names), pair[0], base64.b64encode(blob).decode(), fingerprint_of(blob))


def _tidy(text: str) -> str:
    """Unix line ends, no indentation and no blank lines: keys come out of mails and YAML files."""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    # The headers of an old PEM file end with a blank line that belongs there.
    return "".join(f"{line}\n\n" if line.startswith("DEK-Info:") else f"{line}\n" for line in lines)


def _refuse_what_is_no_private_key(text: str) -> None:
    if text.startswith(_PUBLIC_STARTS):
        raise KeyTextError("This is the public half of a key: paste the private key, the file without .pub.")
    if text.startswith("PuTTY-User-Key-File"):
        raise KeyTextError("This is a PuTTY key: in PuTTYgen choose Conversions, Export OpenSSH key, and paste that.")
    if "-----BEGIN CERTIFICATE" in text:
        raise KeyTextError("This is a certificate: paste the private key that belongs to it.")
    if "-----BEGIN" not in text or "PRIVATE KEY-----" not in text:
        raise KeyTextError(NOT_A_KEY)
    if "-----END" not in text:
        raise KeyTextError("The key is cut off: paste the whole file, up to and including its END line.")


def _load(data: bytes, passphrase: bytes | None) -> object:
    load = serialization.load_pem_private_key
    if b"BEGIN OPENSSH PRIVATE KEY" in data:
        load = serialization.load_ssh_private_key
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # DSA, which gets its own sentence.
            return load(data, passphrase)
    except TypeError:
        sentence = IS_NOT_PROTECTED if passphrase else IS_PROTECTED
        raise KeyTextError(sentence, about_passphrase=True) from None
    except UnsupportedAlgorithm:
        raise KeyTextError(NOT_SUPPORTED) from None
    except ValueError:
        if passphrase:
            raise KeyTextError(DOES_NOT_OPEN, about_passphrase=True) from None
        raise KeyTextError(NOT_A_KEY) from None


def _usable(key: object) -> PrivateKeyTypes:
    if isinstance(key, dsa.DSAPrivateKey):
        raise KeyTextError(NO_DSA)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise KeyTextError(f"This RSA key has {key.key_size} bits: use at least {MIN_RSA_BITS}, or an ed25519 key.")
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name not in _CURVES:
        raise KeyTextError(f"SSH does not know the curve {key.curve.name}: use an ed25519 key.")
    if not isinstance(key, PrivateKeyTypes):
        raise KeyTextError(NOT_SUPPORTED)
    return key


def _checked_blob(key_type: str, key: str) -> bytes:
    """The key's bytes, when they are a public key of the type that the line says."""
    if key_type in ("ssh-dss", "ssh-dsa"):
        raise KeyTextError("DSA host keys are refused: take the server's ed25519, ECDSA or RSA key.")
    try:
        blob = base64.b64decode(key, validate=True)
        public = serialization.load_ssh_public_key(f"{key_type} {key}".encode())
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise KeyTextError("The key in this line cannot be read: copy the whole line again.") from None
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < MIN_RSA_BITS:
        raise KeyTextError(f"This RSA host key has {public.key_size} bits: take the server's ed25519 or ECDSA key.")
    return blob


def _name_matches(name: str, wanted: str) -> bool:
    """Whether a name of known_hosts, plain or hashed, is ``wanted``."""
    if not name.startswith("|1|"):
        return name.casefold() == wanted.casefold()
    try:
        salt, digest = (base64.b64decode(part) for part in name[3:].split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, wanted.encode(), "sha1"), digest)
