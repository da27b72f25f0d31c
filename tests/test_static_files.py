"""Static files are answered before Django is asked, with the headers that pages have."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.templatetags.static import static

from opsconsole.static_files import ServesStaticFiles

ROOT = Path(__file__).parent.parent


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def page(scope: Any, receive: Any, send: Any) -> None:
    """What is asked when there is no such file."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


def ask(path: str, method: str = "GET", **headers: str) -> Answer:
    """The answer to a request, by what has no Django request cycle at all."""
    answer = Answer()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message["body"]
            assert not message.get("more_body")

    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path.partition("?")[0], "headers": sent}
    # In a thread of its own: where browser tests ran before, this one has a running loop.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, ServesStaticFiles(page)(scope, None, send)).result(10)
    return answer


def test_sends_a_file_whole_with_its_type() -> None:
    script = ask(static("js/views.js"))
    assert (script.status, script.body) == (200, (ROOT / "static/js/views.js").read_bytes())
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["content-length"] == str(len(script.body))
    module = ask("/static/vendor/xterm/lib/xterm.mjs")
    assert module.headers["content-type"].startswith("text/javascript")


def test_finds_what_packages_bring() -> None:
    assert ask("/static/admin/js/vendor/jquery/jquery.js").status == 200


@pytest.mark.parametrize("path", ["/", "/static/", "/static/js/none.js", "/static/../manage.py", "/static/js/../../x"])
def test_leaves_everything_else_to_the_pages(path: str) -> None:
    assert ask(path).body == b"a page"


def test_leaves_sockets_alone() -> None:
    seen: list[str] = []

    async def socket(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    with ThreadPoolExecutor(1) as pool:
        scope = {"type": "websocket", "path": "/static/js/views.js", "headers": []}
        pool.submit(asyncio.run, ServesStaticFiles(socket)(scope, None, None)).result(10)
    assert seen == ["websocket"]


@pytest.mark.parametrize("name", ["js/views.js", "css/console.css", "img/icon.svg"])
def test_says_what_browsers_may_not_do_with_a_file(name: str) -> None:
    headers = ask(static(name)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["content-security-policy"].startswith("default-src 'none';")


def test_browsers_keep_versioned_files_for_good_and_ask_again_for_others() -> None:
    assert "?v=" in static("js/views.js")
    assert "immutable" in ask(static("js/views.js")).headers["cache-control"]
    assert "immutable" not in ask(static("img/icon.svg")).headers["cache-control"]


def test_answers_what_a_browser_has_already_without_sending_it() -> None:
    known = ask(static("js/views.js")).headers["etag"]
    again = ask(static("js/views.js"), if_none_match=known)
    assert (again.status, again.body) == (304, b"")
    assert "immutable" in again.headers["cache-control"]


def test_answers_head_and_ranges_and_refuses_to_be_written_to() -> None:
    head = ask(static("js/views.js"), "HEAD")
    assert (head.status, head.body) == (200, b"")
    part = ask(static("js/views.js"), range="bytes=3-7")
    assert (part.status, part.body) == (206, (ROOT / "static/js/views.js").read_bytes()[3:8])
    assert ask(static("js/views.js"), "POST").status == 405


def test_finds_changed_files_while_developing(settings: Any) -> None:
    settings.DEBUG = True
    script = ask("/static/js/views.js")
    assert (script.status, script.headers["cache-control"]) == (200, "max-age=0, public")
    assert ask("/static/../manage.py").body == b"a page"
