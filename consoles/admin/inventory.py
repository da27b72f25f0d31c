"""The inventory's actions that need SSH: the app ``servers`` knows no SSH, so they are added from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from consoles import access
from consoles.inventory_checks import Checked, Summary, fetch_host_keys, test_connections
from servers.admin.inventory import ServerAdmin
from servers.models import HostKey, Server

if TYPE_CHECKING:
    from django.db.models import QuerySet

#: More sentences than this are not read; the list has a filter for the rest.
SENTENCES = 8
#: More servers than this are not named in an address.
_NAMED_IN_URL = 300
#: Longer addresses are refused by proxies.
_LONGEST_URL = 6000


class ServerSshAdmin(ServerAdmin):
    """Servers, with the actions that connect to them."""

    actions = ("run_on_selected", "test_selected", "fetch_selected", *ServerAdmin.actions)
    change_form_outer_before_template = "admin/servers/server/ssh_actions.html"

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Whether the user may start runs."""
        return access.can_start(request.user)

    @admin.action(description="New run on these servers…", permissions=["run"])
    def run_on_selected(self, request: HttpRequest, queryset: QuerySet[Server]) -> HttpResponseRedirect:
        """Open the new-run page with the selected servers picked."""
        names = list(Server.objects.filter(pk__in=queryset.values("pk"), enabled=True).values_list("name", flat=True))
        url = f"{reverse('run-new')}?{urlencode({'servers': ','.join(names)})}"
        if names and len(url) <= _LONGEST_URL:
            return HttpResponseRedirect(url)
        sentence = "Too many servers to hand over: pick them on the new-run page, by group or from a list of names."
        messages.warning(request, sentence if names else "None of the selected servers is enabled for runs.")
        return HttpResponseRedirect(request.get_full_path())

    @admin.action(description="Test the connection", permissions=["change"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[Server]) -> HttpResponseRedirect:
        """Log in to the selected servers; the results stand in the list."""
        _tell_tested(request, test_connections(_servers(queryset)))
        return HttpResponseRedirect(_back(request))

    @admin.action(description="Fetch host keys", permissions=["change"])
    def fetch_selected(self, request: HttpRequest, queryset: QuerySet[Server]) -> HttpResponseRedirect:
        """Ask the selected servers for their host keys, then go and review what is new."""
        summary = fetch_host_keys(_servers(queryset))
        _tell_fetched(request, summary)
        return HttpResponseRedirect(_review_url(summary) or _back(request))


def _back(request: HttpRequest) -> str:
    """To the list, or to the one server whose page asked."""
    server = request.POST.get("from_page", "")
    return reverse("admin:servers_server_change", args=[server]) if server.isdecimal() else request.get_full_path()


def _servers(chosen: QuerySet[Server]) -> list[Server]:
    """The chosen servers without the list's annotations, and each once."""
    return list(Server.objects.filter(pk__in=chosen.values("pk")))


def _review_url(summary: Summary) -> str:
    """The host keys that wait for a decision; "" when there are none."""
    to_review = [one.server.pk for one in summary.checked if one.to_review]
    if not to_review:
        return ""
    query: dict[str, Any] = {"state__exact": HostKey.State.PENDING.value}
    if len(to_review) <= _NAMED_IN_URL:
        query["server__id__exact"] = sorted(to_review)
    return f"{reverse('admin:servers_hostkey_changelist')}?{urlencode(query, doseq=True)}"


def _tell_tested(request: HttpRequest, summary: Summary) -> None:
    if summary.passed == len(summary.checked) == 1:
        messages.success(request, f"{summary.checked[0].server.name}: {summary.checked[0].sentence}")
    elif summary.passed:
        messages.success(request, f"{_count(summary.passed)} can be logged in to.")
    _tell_rest(request, summary)


def _tell_fetched(request: HttpRequest, summary: Summary) -> None:
    new = sum(one.to_review for one in summary.checked)
    changed = [one for one in summary.checked if one.changed]
    if new:
        messages.info(request, f"{_keys(new)} to review: compare the fingerprints, then trust or revoke them.")
    elif summary.passed:
        messages.success(request, f"{_count(summary.passed)} showed no key that is not trusted already.")
    if changed:
        names = ", ".join(one.server.name for one in changed[:SENTENCES])
        messages.error(request, f"Another host key than the trusted one is shown by {names}: find out why first.")
    _tell_rest(request, summary)


def _tell_rest(request: HttpRequest, summary: Summary) -> None:
    """The failures, one sentence each, and what is still going on."""
    failed = summary.failed
    if failed:
        messages.error(request, _sentences(failed))
    if summary.unfinished:
        messages.warning(
            request, f"{_count(summary.unfinished)} still being tried: reload the list in a moment to see the results."
        )


def _sentences(failed: list[Checked]) -> str:
    told = format_html_join("", "<li><strong>{}</strong>{}</li>", (_told(one) for one in failed[:SENTENCES]))
    more = f"and {len(failed) - SENTENCES} more: filter the list by “last test: failed”." if failed[SENTENCES:] else ""
    return format_html('{} failed.<ul class="oc-list">{}</ul>{}', _count(len(failed)), told, more)


def _told(one: Checked) -> tuple[str, str]:
    """The server's name and the rest; most sentences begin with the name, and it is said once."""
    name, sentence = one.server.name, one.sentence
    if sentence.startswith(f"{name} "):
        return name, sentence.removeprefix(name)
    return ("", sentence) if f" of {name} has" in sentence else (name, f": {sentence}")


def _count(number: int) -> str:
    return "1 server" if number == 1 else f"{number} servers"


def _keys(number: int) -> str:
    return "1 host key" if number == 1 else f"{number} host keys"


admin.site.unregister(Server)
admin.site.register(Server, ServerSshAdmin)
