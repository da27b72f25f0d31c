"""Browser contexts that are used again: what one has in its cache, the next test's page need not fetch and compile."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

#: So many contexts wait for another test; beyond that, those go that were used longest ago.
_IDLE = 6
#: What pages keep, other than cookies.
_STORED = "local_storage,indexeddb,service_workers,cache_storage"


class Contexts:
    """Contexts of a browser: each is one person's at a time, and forgets that person before it is the next one's."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[tuple[str, BrowserContext]] = []

    def open_page(self, cookies: list[Any], **options: Any) -> Page:
        """A page in a context with these options, that has these cookies and nothing else stored."""
        context = self._take(options)
        context.clear_cookies()
        context.add_cookies(cookies)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": options["base_url"], "storageTypes": _STORED})
        session.detach()
        return page

    def give_back(self, context: BrowserContext, **options: Any) -> None:
        """Close a context's pages; nobody but this class uses it from now on."""
        for page in context.pages:
            page.close()
        context.set_offline(False)
        self._idle.append((_key(options), context))
        while len(self._idle) > _IDLE:
            self._idle.pop(0)[1].close()

    def _take(self, options: dict[str, Any]) -> BrowserContext:
        for number, (key, context) in enumerate(self._idle):
            if key == _key(options):
                del self._idle[number]
                return context
        return self._browser.new_context(**options)


def _key(options: dict[str, Any]) -> str:
    return json.dumps(options, sort_keys=True)
