"""Key pairs in files, for the fleet's hosts and for logging in on them."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def ensure_key(path: Path) -> tuple[str, str]:
    """Create an ed25519 key pair at ``path`` unless there is one; gives back (type, base64) of its public half."""
    public = path.with_name(f"{path.name}.pub")
    if not path.exists():
        pair = Ed25519PrivateKey.generate()
        private = pair.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        line = pair.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        public.write_bytes(line + b" opsconsole-demo\n")
        # The private half is put in place last: where it exists, the pair is whole.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(private)
        draft.replace(path)
    key_type, key = public.read_text().split()[:2]
    return key_type, key
