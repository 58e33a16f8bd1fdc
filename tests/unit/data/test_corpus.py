"""The corpus on disk: what is written is read, what is damaged is refused, draws by epoch."""

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import chisquare
from torch.utils.data import Dataset

from nmrflow.data.corpus import Corpus, CorpusWriter, EpochDraw, Mixed, Shard
from nmrflow.data.dataset import Batch
from nmrflow.errors import ConfigError, DataError

N_BINS, N_CELLS, N_DRAWS, SIZES = 24, 136, 3, (50, 1, 30)
N = sum(SIZES)


class Content:
    """What the corpus of these tests holds."""

    def __init__(self) -> None:
        random = np.random.default_rng(5)
        self.cells = random.integers(0, 4, (N, N_CELLS), dtype=np.uint8)
        self.codes = random.integers(0, 2, (N, N_DRAWS, N_BINS), dtype=np.uint8)
        self.lengths = random.integers(3, 40, N, dtype=np.uint8)
        self.kinds = random.integers(0, 9, (N, 7), dtype=np.uint8)

    def shards(self) -> list[Shard]:
        packed = np.packbits(self.codes, axis=2)
        parts = np.split(np.arange(N), np.cumsum(SIZES)[:-1])
        return [Shard(self.cells[k], packed[k], self.lengths[k], self.kinds[k]) for k in parts]


@pytest.fixture(scope="module")
def content() -> Content:
    return Content()


@pytest.fixture
def folder(content: Content, tmp_path: Path) -> Path:
    """A finished corpus of three shards."""
    folder = tmp_path / "deep" / "corpus"
    writer = CorpusWriter(folder)
    for shard in content.shards():
        writer.add(shard)
    writer.close(N_BINS)
    return folder


@pytest.fixture
def corpus(folder: Path) -> Corpus:
    return Corpus(folder)


def test_what_is_written_is_read_over_all_shards(corpus: Corpus, content: Content) -> None:
    assert (corpus.n_molecules, corpus.n_draws, corpus.n_bins) == (N, N_DRAWS, N_BINS)
    assert len(corpus) == N * N_DRAWS
    indices = np.random.default_rng(0).permutation(len(corpus))
    batch = corpus.__getitems__(indices.tolist())
    rows, draws = indices // N_DRAWS, indices % N_DRAWS
    np.testing.assert_array_equal(batch.x.numpy(), content.cells[rows])
    np.testing.assert_array_equal(batch.code.numpy(), content.codes[rows, draws])
    assert batch.x.dtype == batch.code.dtype == torch.float32
    np.testing.assert_array_equal(corpus.lengths(rows), content.lengths[rows])
    np.testing.assert_array_equal(corpus.kinds(rows), content.kinds[rows])
    np.testing.assert_array_equal(corpus.cells(rows), content.cells[rows])


@pytest.mark.parametrize("row", [0, 49, 50, 51, N - 1])
def test_an_index_is_row_times_draws_plus_draw(corpus: Corpus, content: Content, row: int) -> None:
    for draw in range(N_DRAWS):
        one = corpus[row * N_DRAWS + draw]
        assert one.x.shape == (N_CELLS,)
        np.testing.assert_array_equal(one.x, content.cells[row])
        np.testing.assert_array_equal(one.code, content.codes[row, draw])


def test_rows_are_read_when_they_are_asked_for(
    corpus: Corpus, folder: Path, content: Content
) -> None:
    rows = np.array([51 + 4])
    np.testing.assert_array_equal(corpus.cells(rows), content.cells[rows])
    on_disk = np.load(folder / "shard_0002_cells.npy", mmap_mode="r+")
    on_disk[4] = 3 - on_disk[4]
    on_disk.flush()
    np.testing.assert_array_equal(corpus.cells(rows), 3 - content.cells[rows])


@pytest.mark.parametrize("field", Shard._fields)
@pytest.mark.parametrize("place", [-1, 200, 129, 3])
def test_no_bit_of_a_shard_may_be_another(folder: Path, field: str, place: int) -> None:
    file = folder / f"shard_0000_{field}.npy"
    content = bytearray(file.read_bytes())
    place = min(place, len(content) - 1)
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"run again$"):
        getattr(Corpus(folder), "__getitem__" if field == "codes" else field)(
            0 if field == "codes" else np.array([0])
        )


def test_a_shard_of_another_corpus_is_refused(folder: Path) -> None:
    first, last = (folder / f"shard_{k:04d}_lengths.npy" for k in (0, 2))
    np.save(first, np.load(first)[::-1])
    corpus = Corpus(folder)
    assert len(corpus.lengths(np.array([51]))) == 1  # Of the last, which is as it was.
    with pytest.raises(DataError, match=rf"{first}: is not as it was written .*remove"):
        corpus.lengths(np.array([0, 51]))
    assert last.exists()


@pytest.mark.parametrize("kind", ["float64", "int8", "object", "one axis less"])
def test_shards_of_other_numbers_are_refused(folder: Path, kind: str) -> None:
    file = folder / "shard_0001_kinds.npy"
    array = np.load(file)
    np.save(file, array[:, 0] if kind == "one axis less" else array.astype(kind))
    with pytest.raises(DataError, match="run again"):
        Corpus(folder)


def test_an_unfinished_corpus_is_refused(content: Content, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="remove the folder and run again"):
        Corpus(tmp_path / "none")
    writer = CorpusWriter(tmp_path)
    for shard in content.shards():
        writer.add(shard)
        with pytest.raises(DataError, match=r"no finished corpus .*run again"):
            Corpus(tmp_path)
    writer.close(N_BINS)
    assert len(Corpus(tmp_path)) == N * N_DRAWS


def test_writing_anew_removes_what_was_there(folder: Path, content: Content) -> None:
    writer = CorpusWriter(folder)
    with pytest.raises(DataError, match="no finished corpus"):
        Corpus(folder)
    writer.add(content.shards()[2])
    writer.close(N_BINS)
    assert Corpus(folder).n_molecules == SIZES[2]
    assert len(list(folder.iterdir())) == len(Shard._fields) + 1


def shorten(file: Path) -> None:
    np.save(file, np.load(file)[:-1])


@pytest.mark.parametrize("field", Shard._fields)
@pytest.mark.parametrize("shard", [0, 2])
def test_shards_that_are_not_as_the_index_says_are_refused(
    folder: Path, field: str, shard: int
) -> None:
    shorten(folder / f"shard_{shard:04d}_{field}.npy")
    with pytest.raises(DataError, match="not as the index says; remove it and run again"):
        Corpus(folder)


@pytest.mark.parametrize("sizes", [[], [1, 50, 30], [50, 1, 31], [50, 1, 30, 4]])
def test_an_index_of_other_shards_is_refused(folder: Path, sizes: list[int]) -> None:
    index = json.loads((folder / "corpus.json").read_text())
    (folder / "corpus.json").write_text(json.dumps({**index, "sizes": sizes}))
    with pytest.raises(DataError, match="run again"):
        Corpus(folder)


@pytest.mark.parametrize("n_bytes", [0, 40, 4000])
def test_a_shard_cut_off_is_refused(folder: Path, n_bytes: int) -> None:
    file = folder / "shard_0000_cells.npy"
    file.write_bytes(file.read_bytes()[:n_bytes])
    with pytest.raises(DataError, match="run again"):
        Corpus(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"sizes": [50, 1, 30]}',
        '{"n_bins": 24}',
        '{"sizes": [50, 1, 30], "n_bins": 24}',
        '{"sizes": [50, 1, 30], "n_bins": 24, "sha256": []}',
        '{"sizes": [50, 1, 30], "n_bins": 99999, "sha256": {}}',
        '{"sizes": 3, "n_bins": 24, "sha256": {}}',
    ],
)
def test_a_damaged_index_is_refused(folder: Path, text: str) -> None:
    (folder / "corpus.json").write_text(text)
    with pytest.raises(DataError, match="run again"):
        Corpus(folder)


class Measured(Dataset[Batch]):
    """Records that can be told from those of the corpus."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitems__(self, indices: list[int]) -> Batch:
        assert all(0 <= k < self.n for k in indices)
        number = torch.tensor(indices, dtype=torch.float32) + 100
        x = number[:, None].expand(-1, N_CELLS)
        return Batch(x, number[:, None].expand(-1, N_BINS))


def test_mixed_gives_generated_records_first(corpus: Corpus) -> None:
    n = len(corpus)
    mixed = Mixed(corpus, Measured(5))
    batch = mixed.__getitems__([n + 4, 7, n, 3])
    generated = corpus.__getitems__([7, 3])
    assert torch.equal(batch.x[:2], generated.x)
    assert torch.equal(batch.code[:2], generated.code)
    assert batch.x[2:, 0].tolist() == batch.code[2:, 0].tolist() == [104, 100]
    assert torch.equal(mixed.__getitems__([7, 3]).code, generated.code)
    assert mixed.__getitems__([n + 1]).code[:, 0].tolist() == [101]


SETTINGS: dict[str, Any] = {"n": 205, "batch_size": 10, "share_measured": 0.2}


def draws(
    corpus: Corpus, *, epoch: int = 0, seed: int = 1, n_measured: int = 7, **changes: Any
) -> list[list[int]]:
    mixed = Mixed(corpus, Measured(n_measured))
    draw = EpochDraw(mixed, seed=seed, **SETTINGS | changes)
    draw.set_epoch(epoch)
    batches = list(draw)
    assert len(batches) == len(draw)
    return batches


def test_an_epoch_follows_from_seed_and_number_alone(corpus: Corpus) -> None:
    first = draws(corpus)
    torch.rand(3)
    assert draws(corpus) == first
    assert draws(corpus, epoch=1) != first
    assert draws(corpus, seed=2) != first
    drawn = [sorted(chain(*batches)) for batches in (first, draws(corpus, epoch=1))]
    assert drawn[0] != drawn[1]  # other molecules, not only in another order
    # One that has gone through the epochs before draws what one that is resumed draws.
    going = EpochDraw(Mixed(corpus, Measured(7)), seed=1, **SETTINGS)
    for epoch in range(4):
        going.set_epoch(epoch)
        assert list(going) == list(going) == draws(corpus, epoch=epoch)


@pytest.mark.parametrize(
    ("share", "n_measured", "n_real"),
    [(0.2, 7, 2), (0.06, 7, 1), (1.0, 7, 10), (0.0, 7, 0), (0.5, 0, 0)],
)
def test_batches_hold_their_share_of_measured_records(
    corpus: Corpus, share: float, n_measured: int, n_real: int
) -> None:
    batches = draws(corpus, share_measured=share, n_measured=n_measured)
    assert len(batches) == 20
    n = len(corpus)
    for batch in batches:
        assert len(batch) == 10
        assert all(0 <= k < n + n_measured for k in batch)
        assert sum(k >= n for k in batch) == n_real
        assert all(k < n for k in batch[: 10 - n_real])  # as Mixed gives them
    if n_real > 1:
        assert {k - n for batch in batches for k in batch if k >= n} == set(range(n_measured))


def test_a_share_of_less_than_a_record_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match=r"share_measured=0\.04 of batch_size=10"):
        draws(corpus, share_measured=0.04)
    assert len(draws(corpus, share_measured=0.04, n_measured=0)) == 20  # nothing to have a share


def test_draws_reach_every_molecule_and_code(corpus: Corpus) -> None:
    drawn = [k for batch in draws(corpus, n=5000, share_measured=0.0) for k in batch]
    assert len(drawn) == 5000
    counts = np.bincount(drawn, minlength=len(corpus))
    assert len(counts) == len(corpus)
    assert counts.min() > 0
    assert counts.max() < 50  # 21 on average: evenly, not some only


def test_molecules_are_drawn_by_their_weights(corpus: Corpus) -> None:
    weights = np.arange(N) % 3.0  # a third of them never
    drawn = chain(*draws(corpus, n=30_000, share_measured=0.0, weights=weights))
    counts = np.bincount(np.array(list(drawn)) // N_DRAWS, minlength=N)
    assert not counts[weights == 0].any()
    assert (
        chisquare(counts[weights > 0], 30_000 * weights[weights > 0] / weights.sum()).pvalue > 1e-3
    )


def test_molecules_of_a_batch_are_alike_in_length(corpus: Corpus, content: Content) -> None:
    batches = draws(corpus, n=640, share_measured=0.0)

    def lengths(batch: list[int]) -> NDArray[np.int64]:
        return content.lengths[np.array(batch) // N_DRAWS].astype(np.int64)

    spreads = [np.ptp(lengths(batch)) for batch in batches]
    assert np.ptp(content.lengths.astype(int)) > 30
    assert np.mean(spreads) < 5
    # But short ones do not all come first.
    means = [lengths(batch).mean() for batch in batches[:16]]
    assert means != sorted(means)
    assert len({round(mean) for mean in means}) > 8


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_out_the_draws_of_one_process(
    corpus: Corpus, as_process: Callable[..., Any], world: int
) -> None:
    settings = {"batch_size": 4 * world, "epoch": 2}
    alone = draws(corpus, **settings)
    shares = []
    for rank in range(world):
        with as_process(rank, world):
            shares.append(draws(corpus, **settings))
    for batch, *parts in zip(alone, *shares, strict=True):
        assert [len(part) for part in parts] == [4] * world
        assert [row for rows in zip(*parts, strict=True) for row in rows] == batch


def test_an_epoch_has_a_batch_even_where_it_is_small(corpus: Corpus) -> None:
    assert [len(batch) for batch in draws(corpus, n=3)] == [10]
