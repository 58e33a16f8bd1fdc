"""Libraries are whole, say what was left out, and come out the same however they are made."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.files.writing import owned
from nmrflow.library import build as building
from nmrflow.library.build import OUTSIDE, REPEATED, UNREAD, add, build
from nmrflow.library.check import verify
from nmrflow.library.dataset import read_manifest, read_shard
from nmrflow.library.labels import label, scale_steps, scales_ppm
from nmrflow.library.library import Library
from nmrflow.model.trained import TrainedFlow

from .conftest import MOLECULES, write_molecules


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def library(molecules: Path, named: str, tmp_path: Path) -> Path:
    build([molecules], tmp_path / "lib", model=named, shard_rows=5)
    return tmp_path / "lib"


def test_what_is_left_out_is_counted_with_examples(library: Path) -> None:
    manifest = read_manifest(library)
    assert manifest.n == 13
    assert sum(shard.n_read for shard in manifest.shards) == len(MOLECULES)
    assert manifest.left_out == {REPEATED: 1, UNREAD: 1, OUTSIDE: 1}
    told = [text for shard in manifest.shards for text in shard.examples]
    assert any(text.startswith("molecules.smi:2: stands there before") for text in told)
    assert sum(shard.n_remarks for shard in manifest.shards) == 1
    assert verify(library) == []


def test_rows_hold_what_is_predicted(library: Path, predicting: TrainedFlow) -> None:
    opened = Library(library, predicting)
    (row,) = np.flatnonzero([name == "menthol" for name in opened.names(range(opened.n))])
    menthol = Structure.from_smiles("CC(C)C1CCC(C)CC1O")
    assert opened.smiles([row]) == [menthol.connectivity]
    assert opened.mass[row] == pytest.approx(156.15142, abs=1e-5)
    assert opened.letters[row].tolist() == [0, 4, 3, 3]
    names, which = opened.formulas
    assert names[which[row]] == "C10H20O"
    (own,) = label(predicting, [menthol])
    predicted = predicting.predict_shifts([menthol])[0].median_ppm
    carbons = [k for k, element in enumerate(menthol.elements) if element == "C"]
    assert {round(100 * predicted[k]) for k in carbons} >= set(own.shifts.tolist())
    assert own.n_atoms.sum() == 10


def test_scales_are_kept_to_two_percent() -> None:
    scales = np.geomspace(0.05, 60, 1000)
    assert np.abs(np.log(scales_ppm(scale_steps(scales)) / scales)).max() < 0.015


@pytest.mark.parametrize("n_done", [0, 1, 3])
def test_an_interrupted_one_is_finished_to_the_same_bytes(
    n_done: int, library: Path, molecules: Path, named: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    real, other = building.write_shard, tmp_path / "other"

    def write(*args: object) -> object:
        if len(list(other.glob("*.parquet"))) == n_done:
            raise KeyboardInterrupt
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "write_shard", write)
    with pytest.raises(KeyboardInterrupt):
        build([molecules], other, model=named, shard_rows=5)
    with pytest.raises(DataError, match="half made"):
        Library(other, building.load("small"))
    monkeypatch.setattr(building, "write_shard", real)
    build([molecules], other, model=named, shard_rows=5)
    assert contents(other) == contents(library)


def test_a_shard_that_its_manifest_does_not_know_is_written_again(
    library: Path, molecules: Path, named: str
) -> None:
    manifest = read_manifest(library)
    whole = contents(library)
    manifest.shards.pop()  # Killed between the shard and the manifest.
    manifest.sources[0]["is_whole"] = False
    manifest.write(library)
    build([molecules], library, model=named, shard_rows=5)
    assert contents(library) == whole


def test_added_molecules_are_new_ones(library: Path, named: str, tmp_path: Path) -> None:
    more = write_molecules(tmp_path / "more.smi", ["CCO", "CCCCCCO heptanol"])
    manifest = add([more], library)
    assert named == manifest.weights["name"]
    assert manifest.n == 14
    assert manifest.left_out[REPEATED] == 2
    assert [source["file"] for source in manifest.sources] == ["molecules.smi", "more.smi"]


def test_a_library_and_parquet_are_read_as_files_are(
    library: Path, predicting: TrainedFlow, named: str, tmp_path: Path
) -> None:
    build([library], tmp_path / "again", model=named)
    one, other = (Library(folder, predicting) for folder in (library, tmp_path / "again"))
    rows = range(one.n)
    assert one.smiles(rows) == other.smiles(rows)
    assert one.names(rows) == other.names(rows)
    assert np.array_equal(one.cells, other.cells)


def test_members_may_be_left_out_and_are_said(
    molecules: Path, named: str, tmp_path: Path, make_predicting: Callable[[], TrainedFlow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(building, "load", lambda _: make_predicting())
    manifest = build([molecules], tmp_path / "lib", model=named, n_members=1)
    assert manifest.n_members == 1
    Library(tmp_path / "lib", make_predicting())
    with pytest.raises(DataError, match="1 to 2"):
        build([molecules], tmp_path / "none", model=named, n_members=3)


def test_another_network_is_refused(
    library: Path, make_predicting: Callable[[], TrainedFlow]
) -> None:
    other = make_predicting()
    assert other.network.forward is not None
    other.network.forward.widening = 1.5
    with pytest.raises(DataError, match="other weights"):
        Library(library, other)


def test_one_flipped_bit_is_found(library: Path, predicting: TrainedFlow) -> None:
    file = library / "part-00001.parquet"
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(DataError, match="is not the shard that was written"):
        Library(library, predicting)
    assert len(verify(library)) == 1


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2}', "[]"])
def test_a_damaged_manifest_is_refused(library: Path, text: str) -> None:
    (library / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="build the library anew"):
        read_manifest(library)


def test_a_folder_has_one_writer_and_holds_one_library(
    library: Path, molecules: Path, named: str, tmp_path: Path
) -> None:
    with owned(library), pytest.raises(DataError, match="another process"):
        build([molecules], library, model=named, shard_rows=5)
    with pytest.raises(DataError, match="other shard_rows"):
        build([molecules], library, model=named)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(DataError, match="not empty"):
        build([molecules], tmp_path / "full", model=named)


@pytest.mark.parametrize("content", ["C1CC\n", "O\n"])
def test_nothing_at_all_is_an_error(content: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "bad.smi").write_text(content)
    with pytest.raises(DataError, match="no molecule can be taken"):
        build([tmp_path / "bad.smi"], tmp_path / "lib", model=named)


def test_an_empty_or_missing_file_is_refused_before_anything_is_made(
    named: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.smi").touch()
    for name in ("empty.smi", "missing.smi"):
        with pytest.raises(DataError, match=name):
            build([tmp_path / name], tmp_path / "lib", model=named)
    assert not (tmp_path / "lib" / "manifest.json").exists()


def test_packed_files_give_the_same_rows(
    library: Path, molecules: Path, named: str, tmp_path: Path
) -> None:
    packed = tmp_path / "molecules.smi.gz"
    packed.write_bytes(gzip.compress(molecules.read_bytes()))
    build([packed], tmp_path / "other", model=named, shard_rows=5)
    first, second = read_manifest(library), read_manifest(tmp_path / "other")
    for one, other in zip(first.shards, second.shards, strict=True):
        assert read_shard(library, one).equals(read_shard(tmp_path / "other", other))


def test_parquet_without_smiles_is_refused(named: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, 2]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="no column 'smiles'"):
        build([tmp_path / "x.parquet"], tmp_path / "lib", model=named)
    (tmp_path / "y.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        build([tmp_path / "y.parquet"], tmp_path / "lib", model=named)
