"""Forms of the inventory. Secrets go in and never come back out, not even into the form that refused them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.views.decorators.debug import sensitive_variables
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from servers.keys import KeyTextError, KnownHostsLine, PrivateKey, read_known_hosts_line, read_private_key
from servers.models import Credential, HostKey, Server
from servers.secrets import SecretError

#: The secret without which a method does not work.
NEEDED_SECRET = {Credential.Method.KEY.value: "private_key", Credential.Method.PASSWORD.value: "password"}
#: What is said beside a secret that has to be entered once more, because no form shows one again.
NOT_KEPT = {
    "private_key": "The pasted key was not kept: paste it again, with its passphrase if it has one.",
    "password": "The password was not kept: enter it again.",
}
LABELS = {"private_key": "private key", "passphrase": "passphrase", "password": "password"}


class WriteOnlyTextarea(UnfoldAdminTextareaWidget):
    """A text area that never shows a value: neither what is stored nor what was just sent."""

    def format_value(self, value: Any) -> str:
        return ""


class CredentialForm(forms.ModelForm):
    """How to log in. An empty secret keeps what is stored; ticking its box removes it."""

    private_key = forms.CharField(
        required=False,
        strip=False,
        max_length=100_000,
        widget=WriteOnlyTextarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
        help_text="ed25519, ECDSA or RSA, in OpenSSH or PEM form, from its BEGIN line to its END line.",
    )
    passphrase = forms.CharField(
        required=False,
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Of the private key, where it has one.",
    )
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    remove_private_key = forms.BooleanField(
        label="Remove the stored private key and its passphrase", required=False, widget=UnfoldBooleanSwitchWidget
    )
    remove_password = forms.BooleanField(
        label="Remove the stored password", required=False, widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        model = Credential
        fields = ("name", "user", "method")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in Credential.SECRET_FIELDS:
            if name in self.fields and self.instance.has_secret(name):
                self._say_stored(name)

    def _say_stored(self, name: str) -> None:
        field = self.fields[name]
        field.widget.attrs["placeholder"] = f"A {LABELS[name]} is stored. Leave empty to keep it."
        field.help_text = f"{field.help_text} Leave empty to keep what is stored.".strip()

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Check the secrets together: a key needs its passphrase, and the method needs its secret."""
        cleaned = super().clean() or self.cleaned_data
        self.key: PrivateKey | None = None
        if not self.errors.keys() & {"private_key", "passphrase"}:
            self._check_key(cleaned)
        self._check_method(cleaned)
        return cleaned

    @sensitive_variables()
    def _check_key(self, cleaned: dict[str, Any]) -> None:
        """Read the key that was entered, or the stored one under a newly entered passphrase."""
        text, passphrase = cleaned.get("private_key", ""), cleaned.get("passphrase", "")
        if cleaned.get("remove_private_key"):
            if text.strip() or passphrase:
                self.add_error("remove_private_key", "Enter a new key or remove the stored one, not both.")
            return
        if not text.strip() and not passphrase:
            return
        try:
            self.key = self._read_key(text, passphrase)
        except KeyTextError as error:
            self.add_error("passphrase" if error.about_passphrase else "private_key", str(error))
        except SecretError as error:
            self.add_error("private_key", str(error))

    @sensitive_variables()
    def _read_key(self, text: str, passphrase: str) -> PrivateKey:
        if not text.strip():
            if not self.instance.has_secret("private_key"):
                raise KeyTextError("Paste the private key that this passphrase opens.")
            text = self.instance.secret("private_key")
        return read_private_key(text, passphrase)

    def _check_method(self, cleaned: dict[str, Any]) -> None:
        """Refuse a method whose secret would be missing after saving."""
        method = cleaned.get("method")
        needed = NEEDED_SECRET.get(str(method))
        removed = cleaned.get("remove_password")
        if removed and cleaned.get("password"):
            self.add_error("remove_password", "Enter a new password or remove the stored one, not both.")
        if not needed or needed in self.errors or self._will_have(needed, cleaned):
            return
        if needed == "password":
            self.add_error("password", "Enter the password to log in with, or choose another method.")
        elif "passphrase" not in self.errors:
            self.add_error("private_key", "Paste the private key to log in with, or choose another method.")

    def _will_have(self, name: str, cleaned: dict[str, Any]) -> bool:
        if cleaned.get(f"remove_{name}"):
            return False
        return bool(cleaned.get(name, "").strip()) or self.instance.has_secret(name)

    def full_clean(self) -> None:
        """Check all, then say which secrets are gone: any mistake on the page empties their fields."""
        super().full_clean()
        for name, sentence in NOT_KEPT.items() if self.errors else ():
            if name in self.fields and self[name].data:
                self.add_error(name, sentence)

    @sensitive_variables()
    def save(self, commit: bool = True) -> Credential:
        """Encrypt what was entered into the credential, then save it as any model form does."""
        cleaned = self.cleaned_data
        if self.key or cleaned.get("remove_private_key"):
            self._store_key(self.key, cleaned.get("passphrase", ""))
        if cleaned.get("password") or cleaned.get("remove_password"):
            self.instance.set_secret("password", cleaned.get("password", ""))
        return super().save(commit)

    @sensitive_variables()
    def _store_key(self, key: PrivateKey | None, passphrase: str) -> None:
        self.instance.set_secret("private_key", key.text if key else "")
        self.instance.set_secret("passphrase", passphrase if key and key.has_passphrase else "")
        self.instance.public_key = key.public_key if key else ""
        self.instance.fingerprint = key.fingerprint if key else ""


class HostKeyForm(forms.ModelForm):
    """Add a host key by pasting its line. Adding does not trust it."""

    line = forms.CharField(
        label="known_hosts line",
        max_length=10_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false", "class": "font-mono"}),
        help_text="Such as “web1 ssh-ed25519 AAAA…”, or the .pub file of the host without a name in front.",
    )

    class Meta:
        model = HostKey
        fields = ("server",)

    def clean(self) -> dict[str, Any]:
        """Read the line, and refuse one that names another host or is known already."""
        cleaned = super().clean() or self.cleaned_data
        server, text = cleaned.get("server"), cleaned.get("line")
        if server and text:
            try:
                self._take(server, read_known_hosts_line(text))
            except KeyTextError as error:
                self.add_error("line", str(error))
        return cleaned

    def _take(self, server: Server, line: KnownHostsLine) -> None:
        if not line.is_for(server.host, server.port) and server.name not in line.names:
            raise KeyTextError(
                f"This line is not for {server.name} ({server.address}): check the server, or paste it without names."
            )
        known = HostKey.objects.filter(server=server, key_type=line.key_type, key=line.key).first()
        if known:
            raise KeyTextError(f"This key of {server.name} is known already, as {known.get_state_display().lower()}.")
        self.instance.key_type, self.instance.key = line.key_type, line.key
        self.instance.fingerprint = line.fingerprint
