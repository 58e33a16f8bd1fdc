"""Checkpoint files: whole or not at all, and nothing in a foreign one is ever run."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from nmrflow.errors import CheckpointError
from nmrflow.model import checkpoint

WEIGHTS = torch.arange(2000.0)


def whole(**changes: Any) -> dict[str, Any]:
    ours = {**checkpoint.describe_software(), "seed": 3}
    return {"state_dict": {"weight": WEIGHTS}, checkpoint.KEY: ours} | changes


def packed(content: object, **how: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    return buffer.getvalue()


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "last.ckpt"


def test_what_is_saved_is_read(file: Path) -> None:
    checkpoint.save_atomically(whole(), file)
    read = checkpoint.read(file)
    assert torch.equal(read["state_dict"]["weight"], WEIGHTS)
    assert read[checkpoint.KEY] == whole()[checkpoint.KEY]
    assert checkpoint.read(str(file))[checkpoint.KEY] == read[checkpoint.KEY]
    assert names_in(file.parent) == ["last.ckpt"]


def test_software_is_described_in_plain_values() -> None:
    software = checkpoint.describe_software()
    assert software["format"] == checkpoint.FORMAT
    assert set(software["versions"]) == {
        "nmrflow",
        "torch",
        "lightning",
        "FrEIA",
        "numpy",
        "rdkit",
    }
    assert "unknown" not in software["versions"].values()
    assert len(software["freia_sha256"]) == 64


def test_a_folder_means_its_newest_last_checkpoint(tmp_path: Path) -> None:
    for age, run in enumerate(["b", "c", "a"]):
        file = tmp_path / run / "checkpoints" / "last.ckpt"
        checkpoint.save_atomically(whole(run=run), file)
        os.utime(file, (1000 - age, 1000 - age))
    checkpoint.save_atomically(whole(run="best"), tmp_path / "a" / "checkpoints" / "best.ckpt")
    assert checkpoint.read(tmp_path)["run"] == "b"
    assert checkpoint.read(tmp_path / "a")["run"] == "a"
    os.utime(tmp_path / "a" / "checkpoints" / "last.ckpt", (2000, 2000))
    assert checkpoint.read(tmp_path)["run"] == "a"


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.ckpt: no such file"):
        checkpoint.read(tmp_path / "none.ckpt")
    with pytest.raises(CheckpointError, match=r"no last\.ckpt"):
        checkpoint.read(tmp_path)


def refuse(file: Path, content: bytes) -> str:
    """Write a file, expect that it is refused, and give the message."""
    file.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.read(file)
    assert str(file) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_off_is_refused(file: Path, share: float, zipped: bool) -> None:
    content = packed(whole(), _use_new_zipfile_serialization=zipped)
    refuse(file, content[: int(share * len(content))])


def test_a_file_with_a_damaged_weight_is_refused(file: Path) -> None:
    content = bytearray(packed(whole()))
    place = bytes(content).index(WEIGHTS.numpy().tobytes())
    content[place + 4001] ^= 0xFF
    refuse(file, bytes(content))


def test_any_byte_may_be_wrong(file: Path) -> None:
    """Either the damage is seen, or it did not matter; no other content and no other error."""
    small = {"weight": torch.arange(3.0), checkpoint.KEY: {"format": checkpoint.FORMAT}}
    content = packed(small)
    outcomes = set()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        try:
            read = checkpoint.read(file)
        except CheckpointError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        assert torch.equal(read.pop("weight"), small["weight"])
        assert read == {checkpoint.KEY: small[checkpoint.KEY]}
    assert outcomes == {"refused", "read"}  # Some bytes only fill up.


def zip_of(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"archive/{name.replace('_', '.')}", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        zip_of(document_xml=b"<w/>"),
        zip_of(),
        zip_of(data_pkl=b"", version=b"3\n"),
        zip_of(data_pkl=b"a text\n", version=b"3\n"),
        zip_of(data_pkl=b"Gin", version=b"3\n"),
        zip_of(data_pkl=b"b( DhfYl].,R", version=b"3\n"),
        zip_of(data_pkl=b"\x80\x02}(K\x01K\x02u", version=b"3\n"),
        b"",
        b"\n",
        b"a text\n",
        b"b( DhfYl].,R",
        b"}aI[k} d",
        b"Journal of Cheminformatics",
        b"Gin",
        b"U",
        b"A,B,C,D\n1,1,0,0\n",
        b"<html><body>404</body></html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        bytes(range(256)) * 20,
        b"\x00" * 1000,
        b"PK\x03\x04" + b"\x00" * 100,
        b"PK\x05\x06" + b"\x00" * 18,
    ],
)
def test_what_is_no_checkpoint_is_refused(file: Path, content: bytes) -> None:
    refuse(file, content)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("place", ["inside", "beside", "alone"])
@pytest.mark.parametrize("kind", ["zip", "old format", "pickle"])
def test_nothing_in_a_file_is_run(file: Path, place: str, kind: str) -> None:
    made = file.parent / "made"
    trap = Trap(made)
    content = {"inside": whole(seed=[trap]), "beside": {"x": trap} | whole(), "alone": trap}[place]
    if kind == "pickle":
        message = refuse(file, pickle.dumps(content))
    else:
        message = refuse(file, packed(content, _use_new_zipfile_serialization=kind == "zip"))
    assert not made.exists()
    assert "not loaded" in message or "not a checkpoint" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"state_dict": {}}, "not a checkpoint that nmrflow wrote"),
        ({}, "not a checkpoint that nmrflow wrote"),
        ([1, 2], "not a checkpoint that nmrflow wrote"),
        (torch.zeros(3), "not a checkpoint that nmrflow wrote"),
        ({checkpoint.KEY: 1}, "not a checkpoint that nmrflow wrote"),
        ({checkpoint.KEY: {}}, "format None"),
        ({checkpoint.KEY: {"format": "1"}}, "format 1"),
        ({checkpoint.KEY: {"format": checkpoint.FORMAT + 1}}, "install a newer one"),
        ({checkpoint.KEY: {"format": 0}}, "format 0"),
        ({checkpoint.KEY: {"format": -1}}, "format -1"),
    ],
)
def test_foreign_content_and_formats_are_refused(file: Path, content: object, reason: str) -> None:
    assert reason in refuse(file, packed(content))


def test_an_older_format_is_lifted_step_by_step(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = checkpoint.FORMAT
    monkeypatch.setattr(checkpoint, "FORMAT", now + 2)
    for step in (now, now + 1):
        monkeypatch.setitem(
            checkpoint.MIGRATIONS, step, lambda old, step=step: old | {f"lifted{step}": True}
        )
    file.write_bytes(packed({checkpoint.KEY: {"format": now}}))
    read = checkpoint.read(file)
    assert read[f"lifted{now}"]
    assert read[f"lifted{now + 1}"]
    file.write_bytes(packed({checkpoint.KEY: {"format": now + 1}}))
    assert f"lifted{now}" not in checkpoint.read(file)


@pytest.mark.parametrize("fails", ["at once", "half way"])
def test_a_failed_save_leaves_the_old_file(
    file: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save_atomically(whole(run="old"), file)
    beginning = packed(whole(run="new"))[:100]

    def write(path: Path, _: object) -> int:
        if fails == "half way":
            with path.open("wb") as stream:
                stream.write(beginning)
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save_atomically(whole(run="new"), file)
    assert checkpoint.read(file)["run"] == "old"
    assert names_in(file.parent) == ["last.ckpt"]


def test_content_that_cannot_be_pickled_leaves_the_old_file(file: Path) -> None:
    checkpoint.save_atomically(whole(run="old"), file)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        checkpoint.save_atomically(whole(run=lambda: None), file)
    assert checkpoint.read(file)["run"] == "old"
    assert names_in(file.parent) == ["last.ckpt"]


def test_a_new_save_replaces_the_old_one_and_makes_folders(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "down" / "last.ckpt"
    for run in ("old", "new"):
        checkpoint.save_atomically(whole(run=run), file)
    assert checkpoint.read(file)["run"] == "new"
    assert names_in(file.parent) == ["last.ckpt"]


def test_what_a_stage_keeps_is_no_checkpoint_of_a_run(tmp_path: Path) -> None:
    run, stage = (tmp_path / part / "last.ckpt" for part in ("checkpoints", "stages/bonds"))
    checkpoint.save_atomically(whole(), stage)
    with pytest.raises(CheckpointError, match=r"no last\.ckpt"):
        checkpoint.find(tmp_path)
    checkpoint.save_atomically(whole(), run)
    os.utime(run, (0, 0))
    assert checkpoint.find(tmp_path) == run
    assert checkpoint.find(stage.parent) == stage
