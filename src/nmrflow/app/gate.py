"""What may reach the page's server: requests of this page alone, for what the page needs."""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 24_000_000
"""Bytes of a request: a file of the greatest size that is read, and what is typed beside it."""

MAX_PATH = 2_000
MAX_QUERY = 16_000

_GET = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json"
    r"|/(?:assets|static|svelte)/[\w./@+-]+"
    r"|/page/[\w.-]+|/answer/[\w-]+/\w*\.\w+"
    r"|/gradio_api/(?:queue/data|startup-events|app_id|info|heartbeat/\w+)/?"
)
_ASKING = "/gradio_api/queue/join"
_POST = re.compile(r"/read|/gradio_api/(?:queue/join|cancel|reset)/?")

HEADERS = {
    # Nothing is fetched from, or sent to, anybody else, whatever a text makes of the page.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; frame-src 'none'; object-src 'none'; frame-ancestors 'none'; "
        "form-action 'none'; base-uri 'self'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Gate:
    """A wall before an application.

    Args:
        app: What stands behind it.
        hosts: What browsers may have in their address bar, each with its port: other names that
            lead here are somebody's trick.
    """

    def __init__(self, app: App, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As of any ASGI application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif refusal := self._refusal(scope):
            await _say(send, *refusal)
        elif scope["path"].startswith(_ASKING):
            body = await _whole(_Counted(receive))
            if is_plain_question(body):
                await self._app(scope, _again(body, receive), _with_headers(send))
            else:
                await _say(send, 400, "fields hold texts, numbers, and yes or no")
        else:
            await self._app(scope, _Counted(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason, of a request that goes no further."""
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        if headers.get("host", "").lower() not in self._hosts:
            return 421, "this page is not served under that name"
        origin = headers.get("origin")
        if origin is not None and origin.lower().removeprefix("http://") not in self._hosts:
            return 403, "another page asked for this"
        is_opened = headers.get("sec-fetch-mode") == "navigate" and scope["path"] == "/"
        if headers.get("sec-fetch-site") == "cross-site" and not is_opened:
            return 403, "another page asked for this"
        path = scope["path"]
        if len(path) > MAX_PATH or len(scope.get("query_string", b"")) > MAX_QUERY:
            return 414, "the address is too long"
        allowed = {"GET": _GET, "HEAD": _GET, "POST": _POST}.get(scope["method"])
        if allowed is None or not allowed.fullmatch(path) or ".." in path:
            return 404, "there is no such page"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return 413, f"more than {MAX_BODY:,} bytes are not read"
        return None


def is_plain_question(body: bytes) -> bool:
    """Whether a call of one of the page's functions holds nothing but what its fields do.

    Gradio takes an object that looks like one of its own for a file: it would copy any file of
    this machine, or fetch any address, that a request names.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, dict) or not isinstance(told.get("data"), list):
        return False
    others = (value for key, value in told.items() if key != "data")
    return all(isinstance(one, str | int | float | None) for one in (*told["data"], *others))


async def _whole(receive: Receive) -> bytes:
    """All that is sent; nothing of what is cut off."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """What has been read, to be read once more."""
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> MutableMapping[str, Any]:
        return given.pop() if given else await receive()

    return receiving


class _Counted:
    """What is received, up to a limit; the rest as if the sender had gone."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._n = 0

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._n += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._n > MAX_BODY else message


def _with_headers(send: Send) -> Send:
    own = [(key.encode(), value.encode()) for key, value in HEADERS.items()]

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told = [pair for pair in message["headers"] if pair[0].decode().lower() not in HEADERS]
            message = {**message, "headers": [*told, *own]}
        await send(message)

    return sending


async def _say(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    headers += [(key.encode(), value.encode()) for key, value in HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"nmrflow: {reason}\n".encode()})
