"""What was packaged: every file of a network is as it was, or nothing is answered."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nmrflow.errors import CheckpointError
from nmrflow.model import pretrained
from nmrflow.model.calibration import SUFFIX, Calibration
from nmrflow.model.manifest import CARD, MANIFEST, WEIGHTS, seal

KINDS = (WEIGHTS, CARD, SUFFIX)


@pytest.fixture
def folder(calibration: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of one network."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / f"net{WEIGHTS}").write_bytes(b"weights")
    (folder / f"net{CARD}").write_text("card")
    (folder / f"net{SUFFIX}").write_text(calibration.to_json())
    seal(folder, "net")
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    return folder


def test_what_was_packaged_is_found(folder: Path) -> None:
    assert pretrained.names() == ["net"]
    assert pretrained.find_pretrained("net") == folder / f"net{WEIGHTS}"
    assert pretrained.verify("net") == []


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[3] ^= 1
    file.write_bytes(content)


CHANGES: dict[str, Callable[[Path], object]] = {
    "flipped": flipped,
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\0"),
    "empty": lambda file: file.write_bytes(b""),
    "removed": Path.unlink,
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_file_is_named(folder: Path, kind: str, change: str) -> None:
    file = folder / f"net{kind}"
    CHANGES[change](file)
    (said,) = pretrained.verify("net")
    assert said.startswith(f"{file}: ")
    assert said.endswith("reinstall nmrflow")
    if kind == CARD:
        assert pretrained.find_pretrained("net").is_file()
    else:
        with pytest.raises(CheckpointError, match="reinstall nmrflow") as refused:
            pretrained.find_pretrained("net")
        assert str(refused.value) == said


def test_a_calibration_that_was_not_packaged_is_refused(folder: Path) -> None:
    calibration = folder / f"net{SUFFIX}"
    content = calibration.read_text()
    calibration.unlink()
    seal(folder, "net")
    assert pretrained.find_pretrained("net").is_file()
    calibration.write_text(content)
    with pytest.raises(CheckpointError, match="was not packaged with net; remove it"):
        pretrained.find_pretrained("net")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{",
        b'{"net": "0"}',
        b'{"net": {}}',
        b'{"net": {"net.ckpt": {}}}',
        b'{"net": {"net.ckpt": {"bytes": "7", "sha256": "0"}}}',
        b'{"../net": {"../net.ckpt": {"bytes": 7, "sha256": "0"}}}',
        b'{"net": {"net.ckpt": {"bytes": 7, "sha256": "0"}, "other.ckpt": {}}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_manifest_is_refused_in_words(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    for ask in (pretrained.names, lambda: pretrained.load("net")):
        with pytest.raises(CheckpointError, match=r"manifest\.json: .*reinstall nmrflow$"):
            ask()


def test_a_missing_manifest_is_refused_in_words(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    with pytest.raises(CheckpointError, match=r"manifest\.json: .*reinstall"):
        pretrained.load("net")


def test_only_weights_that_are_there_are_sealed(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no weights named 'other'"):
        seal(folder, "other")
    assert list(json.loads((folder / MANIFEST).read_text())) == ["net"]


@pytest.mark.parametrize("shadow", ["a file", "a folder"])
def test_nothing_in_the_working_folder_takes_the_place_of_a_name(
    folder: Path, shadow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net").touch() if shadow == "a file" else Path("net").mkdir()
    with pytest.raises(CheckpointError, match=rf"{folder}/net\.ckpt: no checkpoint"):
        pretrained.load("net")  # It is the package's, which is no real one here.
    with pytest.raises(CheckpointError) as own:
        pretrained.load("./net")
    assert str(folder) not in str(own.value)
