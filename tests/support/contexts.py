"""Pages that are used again: a new one starts a process, loads and compiles; that costs more than most tests do."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page

#: So many contexts wait for another test; beyond that, those go that were used longest ago.
_IDLE = 6
#: What pages keep, other than cookies.
_STORED = "local_storage,indexeddb,service_workers,cache_storage"
#: A page of the same origin on which nothing happens; one of another origin would be another process.
_RESTING_PLACE = "/healthz"
#: What cannot be taken back: a page on which one of these was called is nobody else's.
_LASTING = ("add_locator_handler", "emulate_media", "expose_binding", "expose_function", "once")


@dataclass(frozen=True)
class Look:
    """How a page is looked at, in CSS pixels. No option of a context, so that pages of any look are used again."""

    width: int
    height: int
    dark: bool

    def put_on(self, page: Page) -> None:
        """Let a page be looked at so."""
        page.set_viewport_size({"width": self.width, "height": self.height})
        # The method of the class: a test that called the page's own would have used it up.
        Page.emulate_media(page, color_scheme="dark" if self.dark else "light")


class Contexts:
    """Contexts of a browser with a page each: one person's at a time, and forgotten before they are the next one's."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[tuple[str, BrowserContext]] = []

    def open_page(self, cookies: list[Any], look: Look, **options: Any) -> Page:
        """A page that looks so, in a context with these options, that has these cookies and nothing else stored."""
        context = self._take(options)
        context.clear_cookies()
        context.add_cookies(cookies)
        page = context.pages[0] if context.pages else _new_page(context)
        session = context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": options["base_url"], "storageTypes": _STORED})
        session.detach()
        look.put_on(page)
        return page

    def give_back(self, page: Page, **options: Any) -> None:
        """Let a page rest until another test takes it; nobody but this class uses it from now on."""
        context = page.context
        for other in context.pages:
            if other is not page or not _is_put_to_rest(page):
                other.close()
        context.set_offline(False)
        self._idle.append((_key(options), context))
        self.close_idle(_IDLE)

    def close_idle(self, count: int = 0) -> None:
        """Close the contexts that wait for another test, but for the ``count`` that were used last."""
        while len(self._idle) > count:
            self._idle.pop(0)[1].close()

    def _take(self, options: dict[str, Any]) -> BrowserContext:
        for number, (key, context) in enumerate(self._idle):
            if key == _key(options):
                del self._idle[number]
                return context
        return self._browser.new_context(**options)


def _is_put_to_rest(page: Page) -> bool:
    """Take back what a test did to the page, and let it leave what it shows; whether that could be done."""
    notes: _Notes = page.notes  # type: ignore[attr-defined]  # see _new_page
    if notes.is_used_up:
        return False
    with contextlib.suppress(Error):  # its server may have been stopped, and its process may have been killed
        notes.take_back()
        page.unroute_all(behavior="ignoreErrors")
        page.context.set_offline(False)
        page.mouse.move(-1, -1)
        page.goto(_RESTING_PLACE, timeout=5000)
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        return True
    return False


class _Notes:
    """What a test did to a page."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.is_used_up = False
        self._removals: list[Callable[[], None]] = []

    def listen(self, event: str, handle: Callable[..., object]) -> None:
        """As ``page.on``, until :meth:`take_back`."""
        Page.on(self._page, event, handle)  # type: ignore[call-overload]  # any event
        self._removals.append(functools.partial(self._page.remove_listener, event, handle))

    def add_init_script(self, script: str) -> None:
        """As ``page.add_init_script``, until :meth:`take_back`: a DevTools session's scripts are forgotten with it."""
        session = self._page.context.new_cdp_session(self._page)
        session.send("Page.enable")
        session.send("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        self._removals.append(session.detach)

    def use_up(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method whose effect stays."""
        self.is_used_up = True
        return call(*arguments, **named)

    def take_back(self) -> None:
        """Remove what can be removed."""
        for remove in self._removals:
            remove()
        self._removals.clear()


def _new_page(context: BrowserContext) -> Page:
    """A page whose methods that outlive what it shows note that a test called them."""
    page = context.new_page()
    notes = _Notes(page)
    own = {name: functools.partial(notes.use_up, getattr(page, name)) for name in _LASTING}
    vars(page).update(own, on=notes.listen, add_init_script=notes.add_init_script, notes=notes)
    return page


def _key(options: dict[str, Any]) -> str:
    return json.dumps(options, sort_keys=True)
