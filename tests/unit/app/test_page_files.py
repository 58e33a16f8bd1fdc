"""What the page vendors, reads and gives as files."""

import gzip
import hashlib
import json
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.app.kept import MEDIA, N_ANSWERS, Kept
from nmrflow.app.opened import text_of
from nmrflow.app.server import MANIFEST, STATIC, check_vendored, free_port
from nmrflow.app.tasks import Answered
from nmrflow.errors import ConfigError, DataError
from nmrflow.limits import MAX_PASTED
from nmrflow.output.items import Item
from nmrflow.output.writers import FORMS, Heading, file_stem


def test_what_others_made_is_as_it_came() -> None:
    check_vendored()
    told = json.loads(MANIFEST.read_text())
    assert set(told["files"]) == {"openchemlib.js", "resources.json", "openchemlib.LICENSE"}
    for name, one in told["files"].items():
        content = (STATIC / name).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (one["sha256"], one["bytes"])


def test_the_pages_own_files_name_no_other_server() -> None:
    for name in ("page.js", "page.css"):
        text = (STATIC / name).read_text()
        assert "://" not in text
        assert "//cdn" not in text


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"137.9, 21.5", "a.txt", None),
        (gzip.compress(b"137.9, 21.5", mtime=0), "A.TXT.GZ", None),
        ("137,9; 21,5".encode("utf-16"), "a.txt", None),
        (b"", "a.txt", "empty"),
        (b"PK\x03\x04...", "a.xlsx", "ZIP"),
        (b"%PDF-1.7", "a.pdf", "PDF"),
        (b"\x00\x01\x02" * 50, "a.bin", "a.bin"),
        (gzip.compress(b"1.5,\n" * 10_000_000, mtime=0), "bomb.gz", "200 times"),
        (b"1.5, \n" * (MAX_PASTED // 5), "long.txt", "characters"),
        (b"1" * 3_000_000, "line.txt", "line of more"),
        (b"\x1f\x8b broken", "a.gz", "gzip"),
        (b"", "../../../etc/passwd", "passwd"),
    ],
)  # fmt: skip
def test_a_file_becomes_text_or_a_reason(content: bytes, name: str, said: str | None) -> None:
    told = text_of(content, name)
    assert set(told) == ({"text", "said"} if said is None else {"error"})
    if said is not None:
        assert said in told["error"]
        assert "/tmp" not in told["error"]
        assert "etc/" not in told["error"]


@given(st.text(max_size=200))
def test_a_title_becomes_a_files_name(title: str) -> None:
    stem = file_stem(title)
    assert len(stem) <= 60
    assert all(c.isascii() and (c.isalnum() or c == "-") for c in stem)


def answered(n: int = 1) -> Answered:
    items = [Item({"number": k}, {"number": k}, title=f"{k}") for k in range(n)]
    return Answered(Heading(("number",), {"command": "predict"}, "t"), items)


def test_answers_are_files_as_long_as_they_are_kept() -> None:
    kept = Kept()
    token = kept.keep(answered(2))
    content, name, kind = kept.file(token, ".csv")
    assert (content, name, kind) == (b"number\n0\n1\n", "predict.csv", "text/csv")
    assert kept.file(token, "1.csv")[0] == b"number\n1\n"
    for wrong in (".exe", "../x.csv", "9.csv", "", ".svg", "0.svg", "csv", "-1.csv"):
        with pytest.raises(DataError):
            kept.file(token, wrong)
    for _ in range(N_ANSWERS):
        kept.keep(answered())
    with pytest.raises(DataError, match="not kept"):
        kept.file(token, ".csv")


def test_every_form_has_a_media_type() -> None:
    assert set(FORMS) <= set(MEDIA)


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        own.listen()
        port = own.getsockname()[1]
        with pytest.raises(DataError, match="--port"):
            free_port("127.0.0.1", port)
    assert free_port("127.0.0.1", None) > 0


def test_without_gradio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from nmrflow.app.serving import serve

    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigError, match=r"nmrflow\[app\]"):
        serve("127.0.0.1", None, None, (), opens=False)
