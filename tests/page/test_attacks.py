"""The page's server under attack, and with many users at once."""

import gzip
import http.client
import json
import os
import random
import re
import socket
import string
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

SECONDS = float(os.environ.get("NMRFLOW_PAGE_SECONDS", "20"))
"""For which eight users ask at once; 300 for the whole."""

N_RANDOM = int(os.environ.get("NMRFLOW_PAGE_RANDOM", "300"))
"""Random inputs; 10,000 for the whole."""

SECRET = "nobody may read this 4711"


def send(
    server: Any, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_host="host" in told)
    for name, value in told.items():
        connection.putheader(name, value)
    if body is not None and "content-length" not in told:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secret") / "secret.txt"
    file.write_text(SECRET)
    return file


ROUTES = (
    "/gradio_api/file={}", "/file={}", "/gradio_api/file/{}", "/page/{}", "/page/..%2f..%2f{}",
    "/static/../../../../../../..{}", "/assets/..%2f..%2f..{}", "/answer/x/{}", "/svelte/{}",
    "/gradio_api/proxy=file://{}", "//{}", "/gradio_api/stream/a/b/{}/playlist-file",
)  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_no_file_of_the_machine_is_given(route: str, server: Any, secret: Path) -> None:
    for name in (str(secret), str(secret).replace("/", "%2f"), "/etc/passwd"):
        status, content = send(server, "GET", route.format(name))
        assert status >= 400
        assert SECRET.encode() not in content
        assert b"root:" not in content


def events(server: Any, session: str) -> Iterator[dict[str, Any]]:
    """What the server says to a session, as it comes."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", f"/gradio_api/queue/data?session_hash={session}")
    answer = connection.getresponse()
    while line := answer.readline():
        if line.startswith(b"data:"):
            told = json.loads(line[5:])
            yield told
            if told.get("msg") in ("process_completed", "unexpected_error", "close_stream"):
                break
    connection.close()


def call(server: Any, index: int, data: Any, session: str | None = None) -> tuple[int, Any]:
    """One of the page's functions, as the page calls it: its status and what it gave."""
    session = session or "".join(random.choices(string.ascii_lowercase, k=12))
    body = json.dumps({"data": data, "fn_index": index, "session_hash": session}).encode()
    status, content = send(
        server, "POST", "/gradio_api/queue/join", body, content_type="application/json"
    )
    if status != 200:
        return status, content
    last = None
    for told in events(server, session):
        last = told
    return status, last


@pytest.fixture(scope="session")
def functions(server: Any) -> list[dict[str, Any]]:
    _, content = send(server, "GET", "/config")
    config = json.loads(content)
    ids = {one["id"]: one for one in config["components"]}
    found = []
    for one in config["dependencies"]:
        if one["backend_fn"]:
            kinds = [ids[k]["type"] for k in one["inputs"]]
            names = [ids[k]["props"].get("elem_id") for k in one["inputs"]]
            found.append({"index": one["id"], "kinds": kinds, "names": names,
                          "n": len(one["outputs"]), "targets": one["targets"]})  # fmt: skip
    assert len(found) > 10
    return found


def answering(functions: list[dict[str, Any]], first: str, n: int) -> dict[str, Any]:
    """The function of a click whose first field has a name."""
    (found,) = [
        one for one in functions
        if one["names"][:1] == [first] and len(one["names"]) == n
        and any(target[1] == "click" for target in one["targets"])
    ]  # fmt: skip
    return found


def test_other_pages_cannot_ask(server: Any) -> None:
    body = b'{"data": ["CC", "organic"], "fn_index": 1, "session_hash": "a"}'
    path = "/gradio_api/queue/join"
    for origin in ("http://example.org", "null", "http://127.0.0.1:1", "https://127.0.0.1"):
        status, _ = send(server, "POST", path, body, origin=origin)
        assert status == 403
    assert send(server, "GET", "/config", host="example.org")[0] == 421
    assert send(server, "POST", path, body, sec_fetch_site="cross-site")[0] == 403
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert send(server, method, "/")[0] == 404


NAMES = (
    "../../../../tmp/evil.txt", "/etc/passwd", "..\\..\\evil.txt", "a\0b.txt", "<b>.txt",
    "x" * 5000, "%00.gz", "CON.txt", "evil.txt.gz",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_file_is_written_under_the_name_it_is_sent_with(name: str, server: Any) -> None:
    from urllib.parse import quote

    before = set(Path("/tmp").glob("evil*"))
    status, content = send(server, "POST", "/read", b"137.9, 21.5", x_file_name=quote(name))
    assert status == 200
    assert set(json.loads(content)) <= {"text", "said", "error"}
    assert set(Path("/tmp").glob("evil*")) == before


def test_bombs_and_what_is_too_large_are_refused(server: Any) -> None:
    bomb = gzip.compress(b"21.5,\n" * 40_000_000, 9)
    start, process = time.monotonic(), psutil.Process(server.process.pid)
    before = process.memory_info().rss
    status, content = send(server, "POST", "/read", bomb, x_file_name="bomb.gz")
    assert status == 200
    assert "200 times" in json.loads(content)["error"]
    assert time.monotonic() - start < 30
    status, content = send(
        server, "POST", "/read", None, content_length=str(1 << 30), x_file_name="a"
    )
    assert status == 413
    assert b"not read" in content
    nested = b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert send(
        server, "POST", "/gradio_api/queue/join", nested, content_type="application/json"
    )[0] >= 400  # fmt: skip
    assert process.memory_info().rss - before < 400_000_000


@pytest.mark.parametrize("by", ["path", "url"])
def test_no_field_is_a_file_or_an_address(
    by: str, server: Any, functions: list[dict[str, Any]], secret: Path
) -> None:
    """Of such an object gradio would copy the file, or fetch the address."""
    heard = socket.create_server(("127.0.0.1", 0))
    heard.settimeout(1.0)
    address = f"http://127.0.0.1:{heard.getsockname()[1]}/x"
    given = {by: str(secret) if by == "path" else address, "meta": {"_type": "gradio.FileData"}}
    given.setdefault("path", address)
    for one in functions:
        status, _ = call(server, one["index"], [given] * max(1, len(one["kinds"])))
        assert status == 400
    with pytest.raises(TimeoutError):
        heard.accept()
    heard.close()
    left = [file for file in (server.folder / "tmp").rglob("*") if file.is_file()]
    assert not any(SECRET in file.read_text(errors="replace") for file in left)


def nonsense(random_: random.Random) -> Any:
    kinds = (
        None, True, -1, 10**30, 1e308, float("nan"), "", "CC", "\0", "/etc/passwd",
        "=cmd", "<script>", "C" * 3000, "1" * 3000, [], {}, [[["a"]]], {"path": "/etc/passwd"},
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        {"url": "http://127.0.0.1:1/x", "meta": {"_type": "gradio.FileData"}},
        "".join(random_.choices(string.printable, k=60)),
        "".join(chr(random_.randrange(1, 0x2FFF)) for _ in range(30)),
    )  # fmt: skip
    return random_.choice(kinds)


def test_random_inputs_are_answered_or_refused(
    server: Any, functions: list[dict[str, Any]]
) -> None:
    random_ = random.Random(0)
    quick = [one for one in functions if "elucidate-peaks" not in one["names"] or one["n"] == 1]
    for _ in range(N_RANDOM):
        one = random_.choice(quick)
        data = [nonsense(random_) for _ in one["kinds"]]
        if random_.random() < 0.2:
            data = data[1:] if data else [1, 2]
        status, told = call(server, one["index"], data)
        said = json.dumps(told) if status == 200 else told.decode()
        assert server.process.poll() is None
        assert "root:" not in said
        assert "Traceback" not in said
    for index in (-1, 10_000, "x", None):
        status, _ = call(server, index, [])  # type: ignore[arg-type]
    assert send(server, "GET", "/")[0] == 200


def test_eight_users_at_once_get_their_own_answers(
    server: Any, functions: list[dict[str, Any]]
) -> None:
    predict = answering(functions, "predict-smiles", 2)
    rank = answering(functions, "rank-peaks", 11)
    elucidate = answering(functions, "elucidate-peaks", 13)
    compare = answering(functions, "compare-one", 3)
    end = time.monotonic() + SECONDS
    wrong: list[str] = []
    counts = [0] * 8
    memory: list[int] = []

    def use(k: int) -> None:
        mine = "C" * (k + 3)
        told, nothing = ("as the list says", False, ""), [""] * 5
        tasks = (
            (predict, [f"{mine} user{k}", "organic"], rf"user{k}.*C{k + 3}H"),
            (rank, [f"> user{k}\n14.1, 22.7, 31.9", *told, *nothing, f"{mine} user{k}\nCC other",
                    "organic"], f"user{k}"),
            (compare, [f"{10 + k}, 20", f"{10 + k}, 20", "organic"], "imilarity 1.000"),
            (elucidate, [f"> user{k}\n137.9, 129.1, 128.3, 125.3, 21.5", *told[:2], "C7H8",
                         *nothing, 3, 30, k, "hydrocarbons"], f"user{k}"),
        )  # fmt: skip
        n = 0
        while time.monotonic() < end:
            function, data, pattern = tasks[(n + k) % 4 if (n // 4) % 3 == 0 else (n + k) % 3]
            n += 1
            status, told_back = call(server, function["index"], data)
            said = json.dumps(told_back) if status == 200 else str(told_back)
            others = [f"user{j}" for j in range(8) if j != k]
            if not re.search(pattern, said) or any(other in said for other in others):
                wrong.append(said[:300])
            counts[k] += 1

    threads = [threading.Thread(target=use, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    process = psutil.Process(server.process.pid)
    while any(thread.is_alive() for thread in threads):
        memory.append(process.memory_info().rss)
        time.sleep(1)
    assert wrong == []
    assert min(counts) > 0
    told = f"{sum(counts)} answers, memory {memory[0] >> 20} to {memory[-1] >> 20} MiB\n"
    (server.folder / "users.txt").write_text(told)
    settled = memory[len(memory) // 3]
    assert memory[-1] < 1.1 * settled + 30_000_000
