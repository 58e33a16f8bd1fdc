"""What reaches the page's server, and what does not."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.app.gate import HEADERS, MAX_BODY, Gate, is_plain_question

HOST = "127.0.0.1:7860"


async def everything(_: Any, receive: Any, send: Any) -> None:
    """An application that reads all it is sent, and says yes."""
    n = 0
    while True:
        message = await receive()
        n += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    headers = [(b"content-security-policy", b"none of ours"), (b"x-n", str(n).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"yes"})


def ask(
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: int = 0,
    text: bytes | None = None,
) -> tuple[int, dict[str, str]]:
    told = {"host": HOST, **(headers or {})}
    sent: list[Any] = []
    left = [min(1_000_000, body - k) for k in range(0, body, 1_000_000)]

    async def receive() -> dict[str, Any]:
        if text is not None:
            return {"type": "http.request", "body": text}
        part = left.pop(0) if left else 0
        return {"type": "http.request", "body": b"x" * part, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "query_string": b"",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in told.items()],
    }
    asyncio.run(Gate(everything, frozenset({HOST}))(scope, receive, send))
    found = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], found


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/", "GET", {}, 200),
        ("/read", "POST", {"origin": f"http://{HOST}"}, 200),
        ("/read", "POST", {}, 200),
        ("/page/page.js", "GET", {}, 200),
        ("/answer/Ab-c_1/3.svg", "GET", {}, 200),
        # Of another page, whatever it asks for; it may lead here.
        ("/gradio_api/queue/join", "POST", {"origin": "http://example.org"}, 403),
        ("/gradio_api/queue/join", "POST", {"origin": "null"}, 403),
        ("/read", "POST", {"origin": "http://127.0.0.1:80"}, 403),
        ("/page/page.js", "GET", {"sec-fetch-site": "cross-site"}, 403),
        ("/", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ("/", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        # Of a name that was made to lead here.
        ("/", "GET", {"host": "example.org"}, 421),
        ("/", "GET", {"host": "127.0.0.1"}, 421),
        # Of what gradio can do and the page does not need.
        ("/gradio_api/file=/etc/passwd", "GET", {}, 404),
        ("/gradio_api/file/etc/passwd", "GET", {}, 404),
        ("/file=/etc/passwd", "GET", {}, 404),
        ("/gradio_api/upload", "POST", {}, 404),
        ("/gradio_api/proxy=https://example.org/", "GET", {}, 404),
        ("/gradio_api/run/predict", "POST", {}, 404),
        ("/gradio_api/call/predict", "POST", {}, 404),
        ("/gradio_api/component_server", "POST", {}, 404),
        ("/assets/../../secret", "GET", {}, 404),
        ("/assets/%2e%2e/secret", "GET", {}, 404),
        ("/", "DELETE", {}, 404),
        ("/", "OPTIONS", {}, 404),
        ("/read", "POST", {"content-length": str(MAX_BODY + 1)}, 413),
        ("/read", "POST", {"content-length": "-1"}, 413),
        ("/read", "POST", {"content-length": "many"}, 413),
        ("/assets/" + "a" * 3000, "GET", {}, 414),
    ],
)
def test_only_what_the_page_needs_passes(
    path: str, method: str, headers: dict[str, str], status: int
) -> None:
    found, told = ask(path, method, headers)
    assert found == status
    assert HEADERS.items() <= told.items()  # On refusals too; the page's own replace others.


def test_a_body_that_hides_its_length_ends_at_the_limit() -> None:
    _, told = ask("/read", "POST", body=3 * MAX_BODY)
    assert int(told["x-n"]) <= MAX_BODY


@given(st.text(max_size=60), st.sampled_from(["GET", "POST", "PUT", "HEAD", "PATCH"]))
def test_no_other_address_passes(text: str, method: str) -> None:
    status, _ = ask(f"/gradio_api/{text}", method)
    known = ("queue/", "startup-events", "app_id", "info", "heartbeat/", "cancel", "reset")
    assert status == 404 or text.startswith(known)


def test_no_policy_lets_anything_out() -> None:
    policy = HEADERS["content-security-policy"]
    assert "http:" not in policy
    assert "https:" not in policy
    assert "*" not in policy
    for part in policy.split("; "):
        assert set(part.split()[1:]) <= {
            "'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"
        }  # fmt: skip


FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    ("told", "is_plain"),
    [
        ({"data": ["CC", None, True, 1.5], "fn_index": 3, "session_hash": "a"}, True),
        ({"data": [], "event_data": None}, True),
        ({"data": [FILE]}, False),
        ({"data": [[FILE]]}, False),
        ({"data": ["CC"], "event_data": FILE}, False),
        ({"data": FILE}, False),
        ({}, False),
        ([], False),
        ("CC", False),
    ],
)
def test_a_question_holds_plain_fields_alone(told: Any, is_plain: bool) -> None:
    body = json.dumps(told).encode()
    assert is_plain_question(body) == is_plain
    status, headers = ask("/gradio_api/queue/join", "POST", text=body)
    assert status == (200 if is_plain else 400)
    if is_plain:
        assert headers["x-n"] == str(len(body))  # It is passed on whole.


@given(st.binary(max_size=200))
def test_any_other_body_is_refused(body: bytes) -> None:
    assert not is_plain_question(body)
    assert not is_plain_question(b"[" * 100_000)
