"""Serving the page: to this machine alone, and nothing of this machine but the page."""

import socket
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from json import loads
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nmrflow.errors import DataError

STATIC = Path(__file__).parent / "static"
"""The page's own scripts and styles, and the structure editor with its licence."""

MANIFEST = STATIC / "manifest.json"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_vendored() -> None:
    """Compare what others made with its checksums.

    Raises:
        DataError: If a file is missing or is another.
    """
    for name, told in loads(MANIFEST.read_text(encoding="utf-8"))["files"].items():
        file = STATIC / name
        if not file.is_file() or sha256(file.read_bytes()).hexdigest() != told["sha256"]:
            raise DataError(f"{file}: is not as packaged; install nmrflow once more")


def free_port(host: str, port: int | None) -> int:
    """The port that is asked for, or else a free one, 7860 before others.

    Raises:
        DataError: If the port, or the host's name, cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for one in (port,) if port is not None else (7860, 0):
        try:
            with socket.socket(family) as own:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                own.bind((host, one))
                return int(own.getsockname()[1])
        except OSError as error:
            if port is not None or one == 0:
                raise DataError(
                    f"{host}:{one}: cannot be listened at ({error.strerror}); choose another "
                    "with --port"
                ) from error
    raise AssertionError  # The last of the ports ends the loop.


def open_when_ready(url: str, host: str, port: int) -> None:
    """Open the browser as soon as somebody listens."""

    def wait() -> None:
        for _ in range(600):
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as own:
                own.settimeout(0.1)
                if own.connect_ex((host, port)) == 0:
                    webbrowser.open(url)
                    return

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def private_folder() -> Iterator[Path]:
    """Where gradio may leave what it leaves; gone with the page."""
    with TemporaryDirectory(prefix="nmrflow-page-") as folder:
        yield Path(folder)


def log_settings() -> dict[str, Any]:
    """Of uvicorn: problems alone, and no line for each request, which may hold a structure."""
    return {"log_level": "warning", "access_log": False, "server_header": False}
