"""Static files, answered before Django is asked.

A page that is opened for the first time wants a hundred small files. As Django's middleware, WhiteNoise answers each
from a thread, through the request, the other middleware and a streamed response: six times the work of sending it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whitenoise.middleware import WhiteNoiseMiddleware

if TYPE_CHECKING:
    from whitenoise.responders import Redirect, StaticFile

Message = dict[str, Any]

#: The request headers that WhiteNoise looks at, and what WSGI calls them.
_HEADERS = {
    name.encode(): "HTTP_" + name.upper().replace("-", "_")
    for name in ("accept-encoding", "if-modified-since", "if-none-match", "range")
}


class ServesStaticFiles:
    """ASGI middleware that answers what lies in ``STATIC_ROOT`` or is found by Django's finders.

    What WhiteNoise's settings say holds; with ``DEBUG`` on, files are looked for anew each time.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._files = WhiteNoiseMiddleware(None)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        file = self._find(scope) if scope["type"] == "http" else None
        if file is None:
            return await self._application(scope, receive, send)
        status, headers, body = _answer(file, scope)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return None

    def _find(self, scope: Message) -> StaticFile | Redirect | None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        found: StaticFile | Redirect | None
        found = self._files.find_file(path) if self._files.autorefresh else self._files.files.get(path)
        return found


def _answer(file: StaticFile | Redirect, scope: Message) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and the whole body: the largest file is smaller than what Daphne takes at once anyway."""
    asked = {_HEADERS[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}
    response = file.get_response(scope["method"], asked)
    body = b""
    if response.file is not None:
        with response.file:
            body = response.file.read()
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    return int(response.status), headers, body
