"""The inventory: which servers there are, how to log in, and which host keys they are known by."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from servers import secrets
from servers.validators import validate_host, validate_server_name, validate_user

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Group(models.Model):
    """A set of servers that belong together, such as a site or a role."""

    name = models.CharField(max_length=100, unique=True, validators=[validate_server_name])
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A free label on servers."""

    name = models.CharField(max_length=100, unique=True, validators=[validate_server_name])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Credential(models.Model):
    """How to log in: a user with a private key, a password, or the console's SSH agent.

    The secret parts are stored encrypted, bound to this row's ``identity`` so that a ciphertext copied
    to another row or field does not decrypt there. Forms write them and never show them.
    """

    class Method(models.TextChoices):
        KEY = "key", "Private key"
        PASSWORD = "password", "Password"  # noqa: S105 - the name of a login method
        AGENT = "agent", "SSH agent of the console"

    SECRET_FIELDS = ("private_key", "passphrase", "password")

    name = models.CharField(max_length=100, unique=True)
    identity = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.CharField(
        "user name", max_length=64, validators=[validate_user], help_text="The account on the servers, such as root."
    )
    method = models.CharField(max_length=10, choices=Method.choices, default=Method.KEY)
    private_key_token = models.TextField(blank=True, editable=False)
    passphrase_token = models.TextField(blank=True, editable=False)
    password_token = models.TextField(blank=True, editable=False)
    public_key = models.TextField(
        blank=True, editable=False, help_text="Put this line into authorized_keys on the servers."
    )
    fingerprint = models.CharField(max_length=100, blank=True, editable=False)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def set_secret(self, field: str, value: str) -> None:
        """Encrypt ``value`` into one of ``SECRET_FIELDS``; an empty value clears it. Does not save."""
        setattr(self, f"{field}_token", secrets.encrypt(value, self._binding(field)) if value else "")

    def secret(self, field: str) -> str:
        """Decrypt one of ``SECRET_FIELDS``; "" where none is stored.

        Raises :class:`servers.secrets.SecretError` when no key of the console opens it.
        """
        token = getattr(self, f"{field}_token")
        return secrets.decrypt(token, self._binding(field)) if token else ""

    def has_secret(self, field: str) -> bool:
        """Whether something is stored in one of ``SECRET_FIELDS``."""
        return bool(getattr(self, f"{field}_token"))

    def _binding(self, field: str) -> str:
        return f"credential:{self.identity}:{field}"


class Server(models.Model):
    """One inventory record: a machine the console can run programs on."""

    class Shell(models.TextChoices):
        POSIX = "posix", "POSIX shell"
        NONE = "none", "None (appliance): the command is sent as it is"

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[validate_server_name],
        help_text="How operators call it. Letters, digits, dot, dash and underscore.",
    )
    host = models.CharField(max_length=253, validators=[validate_host], help_text="Name or IP address to connect to.")
    port = models.PositiveIntegerField(default=22, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="servers")
    groups = models.ManyToManyField(Group, blank=True, related_name="servers")
    tags = models.ManyToManyField(Tag, blank=True, related_name="servers")
    shell = models.CharField(max_length=10, choices=Shell.choices, default=Shell.POSIX)
    enabled = models.BooleanField(default=True, help_text="Servers that are not enabled cannot be picked for a run.")
    note = models.TextField(blank=True)
    tested = models.DateTimeField("last tested", null=True, blank=True, editable=False)
    test_ok = models.BooleanField("last test succeeded", null=True, editable=False)
    test_result = models.CharField("last test result", max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        """``host:port``, with an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def record_test(self, ok: bool, result: str) -> None:
        """Remember how the last connection test ended, in one sentence."""
        # A banner may hold NUL, which PostgreSQL does not take.
        self.tested, self.test_ok, self.test_result = timezone.now(), ok, result.replace("\0", "")[:500]
        self.save(update_fields=["tested", "test_ok", "test_result"])

    def record_offered_key(self, key_type: str, key: str, fingerprint: str) -> HostKey:
        """Remember a host key the server showed, without trusting it.

        A key that differs from a trusted one of the same type, or that was revoked before, is a conflict: it
        blocks the server until somebody decides. Returns the stored row.
        """
        known, _ = HostKey.objects.get_or_create(
            server=self, key_type=key_type, key=key, defaults={"fingerprint": fingerprint}
        )
        if known.state == HostKey.State.TRUSTED:
            return known
        others = self.host_keys.filter(state=HostKey.State.TRUSTED, key_type=key_type).exclude(pk=known.pk)
        known.conflict = others.exists() or known.state == HostKey.State.REVOKED
        if known.conflict:
            known.state = HostKey.State.PENDING
        known.seen = timezone.now()
        known.save(update_fields=["state", "conflict", "seen"])
        return known


class HostKey(models.Model):
    """A public key a server showed, with what somebody decided about it."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        TRUSTED = "trusted", "Trusted"
        REVOKED = "revoked", "Revoked"

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="host_keys")
    key_type = models.CharField(max_length=60)
    key = models.TextField(help_text="Base64, as in known_hosts.")
    fingerprint = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    conflict = models.BooleanField(default=False, help_text="It differs from a key that was trusted.")
    seen = models.DateTimeField(default=timezone.now)
    decided = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["server__name", "key_type", "-seen"]
        constraints = [models.UniqueConstraint(fields=["server", "key_type", "key"], name="host_key_once_per_server")]
        permissions = [("trust_hostkey", "Can trust or revoke host keys")]

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"

    def trust(self, by: User | None) -> None:
        """Trust this key and revoke what the server was known by before under the same key type."""
        replaced = HostKey.objects.filter(server=self.server, key_type=self.key_type, state=self.State.TRUSTED)
        replaced.exclude(pk=self.pk).update(state=self.State.REVOKED, decided=timezone.now(), decided_by=by)
        self._decide(self.State.TRUSTED, by)

    def revoke(self, by: User | None) -> None:
        """Refuse this key: the server is not connected to while it shows it."""
        self._decide(self.State.REVOKED, by)

    def _decide(self, state: str, by: User | None) -> None:
        self.state, self.conflict = state, False
        self.decided, self.decided_by = timezone.now(), by
        self.save(update_fields=["state", "conflict", "decided", "decided_by"])
