"""Takes the pictures in docs/pictures from the running pages: a real server, the demo fleet, a real Chromium.

A minute long, because the picture shows the middle of an update. Usage: ``make screenshot``.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from demo import inventory  # noqa: E402 - needs the path above
from demo.fleet import Fleet  # noqa: E402
from tests.support.browser import CHROMIUM_ARGUMENTS, find_chromium  # noqa: E402
from tests.support.server import ServerProcess  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
NAMES = [host.name for host in inventory.HOSTS]
WIDE, NARROW = (1440, 900), (390, 844)


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, running_console(Path(directory)) as server:
        who = server.person("oncall", is_staff=True, is_superuser=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
            page = open_page(browser, server, who, WIDE, dark=True)
            start(page, "backup-check")
            expect(page.locator("[data-run=badge]")).to_contain_text("failed", timeout=30_000)
            choose(page, "security-update")
            expect(page.locator("[data-review] pre")).to_be_visible()
            page.screenshot(path=PICTURES / "new-run-dark.png")
            start(page, "security-update")
            address = page.url
            # When db2 has failed and the others are in the middle of it.
            expect(page.locator("[data-run=counters]")).to_contain_text("failed", timeout=90_000)
            for shape, size in (("", WIDE), ("-phone", NARROW)):
                for scheme in ("dark", "light"):
                    take(open_page(browser, server, who, size, scheme == "dark"), address, f"run-page{shape}-{scheme}")
            take(open_page(browser, server, who, WIDE, dark=False), "/runs/", "history-light")
            browser.close()
    print(f"The pictures are in {PICTURES.relative_to(ROOT)}.")


@contextmanager
def running_console(directory: Path) -> Iterator[ServerProcess]:
    """A server with the demo's hosts and scripts."""
    server = ServerProcess(directory)
    server.manage("migrate", "--verbosity", "0").check_returncode()
    with Fleet.demo(directory / "demo", NAMES) as fleet:
        server.start()
        try:
            server.add_fleet(fleet, names=NAMES)
            texts = {script.name: script.text for script in inventory.scripts()}
            texts["security-update"] = eventful(texts["update-rehearsal"])
            for name, text in texts.items():
                server.ask("add_script", name=name, text=text)
            yield server
        finally:
            server.close()


def eventful(text: str) -> str:
    """The rehearsal with something to see: it fails on one host and is over early on another."""
    message = "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'"
    failing = (
        'if [ "$name $package" = "db2 libsystemd0" ]; then\n'
        f'        printf "\\033[31m{message}\\033[0m\\n" >&2\n'
        "        exit 100\n    fi\n    "
    )
    early = '[ "$name" != cache1 ] || { echo "Nothing to install."; exit 0; }\n'
    setting_up = 'echo "Setting up $package ..."'
    return text.replace('step "4/5', early + 'step "4/5').replace(setting_up, failing + setting_up)


def choose(page: Page, script: str) -> None:
    """Fill in the new-run page: all hosts, and a script."""
    page.goto(f"/runs/new/?servers={','.join(NAMES)}")
    page.locator("label:has(input[name=source][value=script])").click()
    page.locator("select[name=script]").select_option(script)


def start(page: Page, script: str) -> None:
    """Start a script on all hosts through the page, as a person does."""
    choose(page, script)
    page.get_by_role("button", name=f"Start on {len(NAMES)} servers").click()
    page.wait_for_url(re.compile(r"/runs/\d+/$"))


def open_page(browser: Browser, server: ServerProcess, who: dict[str, str], size: tuple[int, int], dark: bool) -> Page:
    """A page of a browser profile of its own, logged in."""
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
    )
    context.add_cookies([{"name": "sessionid", "value": who["session"], "url": server.url}])
    return context.new_page()


def take(page: Page, address: str, name: str) -> None:
    """Take a picture of ``address`` once its text is there."""
    page.goto(address)
    if "/runs/" in address and page.locator("[data-pane=screen]").count():
        expect(page.locator("[data-bar=connection-text]")).to_contain_text("live", timeout=15_000)
        expect(page.locator("[data-bar=bytes]")).to_have_text(re.compile(r"^([1-9][\d,]*) of \1 "), timeout=15_000)
    page.evaluate("document.fonts.ready")
    page.screenshot(path=PICTURES / f"{name}.png")
    page.context.close()


if __name__ == "__main__":
    main()
