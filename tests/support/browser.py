"""A real Chromium, driven by Playwright. The pages come from a real server process, see :mod:`tests.support.server`."""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.support.contexts import Contexts, Look

ARTIFACTS = Path(__file__).parent.parent.parent / "test-artifacts"
NewPage = Callable[..., Page]

#: What Chromium leaves out. The switch replaces the one that Playwright gives, so that one's features stand here too.
DISABLED_FEATURES = [
    # Suggestions below the address bar are pages of Chromium's own, loaded for every window: a third of a test's cost.
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
    # Playwright's.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]
CHROMIUM_ARGUMENTS = [
    f"--disable-features={','.join(DISABLED_FEATURES)}",
    "--no-sandbox",  # Chromium refuses to run as root otherwise, and CI is root
    "--disable-dev-shm-usage",  # containers give 64 MB there
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A test's page lives for seconds: to optimise its scripts costs more than it brings.
    "--js-flags=--no-opt --max-lazy",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]

# Only a test that fails waits for so long; on a busy machine ten seconds were too few for a page to connect.
expect.set_options(timeout=30_000)


_UNTIL_INTERCEPTED = """async () => {
  let answer = "";
  while (answer !== "intercepted") answer = await (await fetch("/healthz?intercepted")).text();
}"""


def intercept(page: Page, pattern: str, handle: Callable[[Route], object]) -> None:
    """``page.route`` for a page that is shown already; from then on it holds.

    A page may hear of the interception later than of a key that was pressed after it, so it is asked until it has.
    """
    page.route("**/healthz?intercepted", lambda route: route.fulfill(body="intercepted"))
    page.route(pattern, handle)
    page.evaluate(_UNTIL_INTERCEPTED)


def find_chromium() -> str:
    """The Chromium to use: the system's. The one without a browser around its pages costs half as much a page."""
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("Chromium is not installed: run `make test`, which installs it, or install it yourself.")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests."""
    with sync_playwright() as playwright:
        # Playwright's loop runs in this thread for the whole session, and Django refuses its ORM beside a running loop.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        running = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    """The contexts of that Chromium."""
    return Contexts(browser)


@pytest.fixture
def new_page(contexts: Contexts, request: pytest.FixtureRequest) -> Iterator[NewPage]:
    """Open pages, each like a person of their own: ``new_page(server, who, width=390, height=844, dark=True)``.

    ``beside=page`` gives another tab of that page's browser. A test that sets a page's clock asks for a context that is
    ``used_again=False``: nothing gives the clock back. A page that reported an error on its console, or whose script
    failed, fails the test at its end; tests that provoke one clear ``page.complaints``. A failed test leaves pictures
    of its pages in ``test-artifacts/``.
    """
    pages: list[Page] = []
    endings: list[Callable[[], None]] = []

    def open_page(
        server: Any,
        who: dict[str, str] | None = None,
        used_again: bool = True,
        beside: Page | None = None,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        **options: Any,
    ) -> Page:
        look = Look(width, height, dark)
        if beside:
            pages.append(beside.context.new_page())
            look.put_on(pages[-1])
        else:
            options["base_url"] = server.url
            cookies = [{"name": "sessionid", "value": who["session"], "url": server.url}] if who else []
            page = contexts.open_page(cookies, look, **options)
            endings.append(functools.partial(contexts.give_back, page, **options) if used_again else page.context.close)
            pages.append(page)
        _listen(pages[-1])
        return pages[-1]

    yield open_page
    failed = getattr(request.node, "failed", False)
    for number, page in enumerate(pages):
        if failed and not page.is_closed():
            ARTIFACTS.mkdir(exist_ok=True)
            page.screenshot(path=ARTIFACTS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', request.node.name)}-{number}.png")
    for end in endings:
        end()
    complaints = [text for page in pages for text in page.complaints]  # type: ignore[attr-defined]  # see _listen
    assert failed or not complaints, f"The page reported errors: {complaints}"


def _listen(page: Page) -> None:
    """Write down on the page what it complains of."""
    complaints = page.complaints = []  # type: ignore[attr-defined]  # a note for the test, beside Playwright's own
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
