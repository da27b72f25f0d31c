"""Keys as people paste them."""

from __future__ import annotations

import base64
import hmac
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import ssh as ssh_form

from consoles import ssh
from servers.keys import KeyTextError, fingerprint_of, read_known_hosts_line, read_private_key

PASSPHRASE = "correct horse"


def text_of(key: object, form: str = "OpenSSH", passphrase: str = "") -> str:
    """A private key as a file has it; ``form`` is OpenSSH, PKCS8 or TraditionalOpenSSL."""
    kind = getattr(serialization.PrivateFormat, form)
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase and form == "OpenSSH":
        # The usual 16 rounds take a fifth of a second, each time the key is written or read.
        protection = kind.encryption_builder().kdf_rounds(1).build(passphrase.encode())
    elif passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, kind, protection).decode()  # type: ignore[attr-defined]


ED25519 = ed25519.Ed25519PrivateKey.generate()
ECDSA = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
SHORT_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
DSA = dsa.generate_private_key(1024)  # noqa: S505 - to be refused


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual 16 rounds take a fifth of a second, each time a key is written or read."""
    monkeypatch.setattr(ssh_form, "_DEFAULT_ROUNDS", 1)


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
@pytest.mark.parametrize(
    ("key", "form"),
    [
        (ED25519, "OpenSSH"),
        (ED25519, "PKCS8"),
        (ECDSA, "OpenSSH"),
        (ECDSA, "PKCS8"),
        (ECDSA, "TraditionalOpenSSL"),
        (RSA, "OpenSSH"),
        (RSA, "PKCS8"),
        (RSA, "TraditionalOpenSSL"),
    ],
)
def test_accepts_every_usual_form_and_stores_one_that_the_ssh_side_reads(
    key: object, form: str, passphrase: str
) -> None:
    read = read_private_key(text_of(key, form, passphrase), passphrase)
    assert read.has_passphrase == bool(passphrase)
    assert ssh.key_login("root", read.text, passphrase).method == "private key"


def test_tells_public_key_and_fingerprint_as_ssh_keygen_does(tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)], check=True)
    printed = subprocess.run(["ssh-keygen", "-lf", str(file)], check=True, capture_output=True, text=True).stdout
    read = read_private_key(file.read_text())
    assert read.public_key == file.with_suffix(".pub").read_text().strip()
    assert read.fingerprint == printed.split()[1]


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n\n", "\n    "])
def test_reads_keys_with_windows_line_ends_blank_lines_or_indentation(ends: str) -> None:
    text = "  " + text_of(ED25519).replace("\n", ends)
    assert read_private_key(text).fingerprint == read_private_key(text_of(ED25519)).fingerprint


def public_line(key: object = ED25519) -> str:
    public = key.public_key()  # type: ignore[attr-defined]
    return str(public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode())


def pem_public() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return RSA.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "This is not a private key"),
        ("hello", "This is not a private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "This is not a private key"),
        (text_of(RSA)[:600], "The key is cut off"),
        (public_line(), "public half"),
        (pem_public(), "public half"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "PuTTYgen"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
        (text_of(SHORT_RSA), "1024 bits"),
        (text_of(DSA, "TraditionalOpenSSL"), "DSA"),
        (text_of(ec.generate_private_key(ec.SECP256K1()), "PKCS8"), "secp256k1"),
        (text_of(ed448.Ed448PrivateKey.generate(), "PKCS8"), "This kind of key"),
    ],
)
def test_refuses_what_is_no_usable_key_with_one_sentence(text: str, words: str) -> None:
    with pytest.raises(KeyTextError, match=words) as refused:
        read_private_key(text)
    sentence = str(refused.value)
    assert sentence.endswith(".") and "\n" not in sentence
    assert not refused.value.about_passphrase


@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8", "TraditionalOpenSSL"])
@pytest.mark.parametrize(
    ("protected_by", "entered", "words"),
    [
        (PASSPHRASE, "wrong horse", "does not open"),
        (PASSPHRASE, "", "enter its passphrase"),
        ("", PASSPHRASE, "leave the passphrase empty"),
    ],
)
def test_says_what_is_wrong_with_the_passphrase(form: str, protected_by: str, entered: str, words: str) -> None:
    with pytest.raises(KeyTextError, match=words) as refused:
        read_private_key(text_of(RSA, form, protected_by), entered)
    assert refused.value.about_passphrase
    assert PASSPHRASE not in str(refused.value)


def test_refusals_and_reprs_hold_nothing_of_the_key() -> None:
    read = read_private_key(text_of(ED25519, passphrase=PASSPHRASE), PASSPHRASE)
    assert read.text.splitlines()[1] not in repr(read)
    with pytest.raises(KeyTextError) as refused:
        read_private_key("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    assert "c2VjcmV0" not in str(refused.value)
    assert refused.value.__cause__ is None and refused.value.__suppress_context__


def hashed(name: str) -> str:
    salt = b"0123456789abcdef0123"
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("front", "host", "port", "fits"),
    [
        ("", "10.0.0.1", 22, True),
        ("10.0.0.1 ", "10.0.0.1", 22, True),
        ("Web1,10.0.0.1 ", "web1", 22, True),
        ("10.0.0.1 ", "10.0.0.1", 2222, False),
        ("[10.0.0.1]:2222 ", "10.0.0.1", 2222, True),
        ("[10.0.0.1]:2222 ", "10.0.0.1", 22, False),
        ("10.0.0.2 ", "10.0.0.1", 22, False),
        (hashed("10.0.0.1") + " ", "10.0.0.1", 22, True),
        (hashed("10.0.0.2") + " ", "10.0.0.1", 22, False),
        ("|1|broken ", "10.0.0.1", 22, False),
    ],
)
def test_reads_known_hosts_lines_and_whom_they_are_for(front: str, host: str, port: int, fits: bool) -> None:
    line = read_known_hosts_line(f"# a comment\n{front}{public_line()} somebody@somewhere\n")
    assert f"{line.key_type} {line.key}" == public_line()
    assert line.fingerprint == fingerprint_of(base64.b64decode(line.key))
    assert line.is_for(host, port) is fits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"a {public_line()}\nb {public_line()}", "one line at a time"),
        ("# nothing", "one line at a time"),
        (f"@cert-authority * {public_line()}", "@cert-authority"),
        ("web1 ssh-ed25519", "not a known_hosts line"),
        ("web1 ssh-ed25519 not-base64", "cannot be read"),
        (f"web1 ssh-rsa {public_line().split()[1]}", "cannot be read"),
        ("web1 ssh-dss AAAAB3NzaC1kc3M=", "DSA"),
        (public_line(SHORT_RSA), "1024 bits"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
    ],
)
def test_refuses_other_lines_with_one_sentence(text: str, words: str) -> None:
    with pytest.raises(KeyTextError, match=words):
        read_known_hosts_line(text)
