"""The page in a browser: these tests run where they are asked for (``make test-page``)."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

if not os.environ.get("NMRFLOW_PAGE"):
    collect_ignore_glob = ["test_*.py"]

LIBRARY = "Cc1ccccc1 toluene\nCC(C)C1CCC(C)CC1O menthol\nCCO ethanol\nC1CCCCC1 cyclohexane\n"


@pytest.fixture(scope="session")
def browser_file() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("needs Chromium (apt-get install chromium)")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from nmrflow.library.build import build

    folder = tmp_path_factory.mktemp("library")
    (folder / "known.smi").write_text(LIBRARY)
    build([str(folder / "known.smi")], folder / "known", n_processes=1)
    return folder / "known"


class Server:
    """The page's process.

    Args:
        library: That it may search.
        folder: For its log, and what it leaves behind.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        with socket.socket() as own:
            own.bind(("127.0.0.1", 0))
            self.port = own.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.folder = folder
        self._log = (folder / "log.txt").open("w")
        command = [sys.executable, "-m", "nmrflow", "app", "--port", str(self.port)]
        command += ["--no-browser", "--library", str(library)]
        (folder / "tmp").mkdir()
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"},
            cwd=folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        for _ in range(600):
            assert self.process.poll() is None, self.log
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(self.log)

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._log.close()


@pytest.fixture(scope="session")
def server(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(library, tmp_path_factory.mktemp("page"))
    yield found
    found.stop()
    # What gradio refuses by itself it says at length; of ours nothing fails.
    assert not re.search(r'File "[^"]*/nmrflow/(?!app/gate)', found.log)
    assert [one.name for one in (found.folder / "tmp").iterdir()] == []


@pytest.fixture(scope="session")
def chromium(browser_file: str) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=browser_file, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, server: Server) -> Iterator[Any]:
    """A fresh page, all of whose requests stay on this machine, and in which nothing fails."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    own = context.new_page()
    left: list[str] = []
    own.on("request", lambda request: left.append(request.url))
    problems: list[str] = []
    own.on("pageerror", lambda error: problems.append(str(error)))
    own.on("dialog", lambda dialog: problems.append(dialog.message))
    own.goto(server.url)
    own.get_by_role("button", name="Predict shifts").wait_for(timeout=60_000)
    yield own
    context.close()
    assert left
    for url in left:
        told = urlsplit(url)
        assert told.scheme in ("data", "blob") or told.netloc == f"127.0.0.1:{server.port}", url
    assert problems == []
