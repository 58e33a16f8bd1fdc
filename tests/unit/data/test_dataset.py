"""Records as tensors, batch by batch, and an order that follows from seed and epoch."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.structure import Structure
from nmrflow.data.dataset import EpochShuffle, SpectrumDataset, say_off_scale
from nmrflow.data.records import Record
from nmrflow.errors import ConfigError, DataError
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList

AXIS, CODEC = ShiftAxis(), BondTensorCodec()
SMILES = ["CC", "C=CC", "C#CC", "c1ccccc1", "CC(C)C", "C1CC1", "CCCC"]


def make_record(number: int, smiles: str) -> Record:
    shifts = AXIS.fine_centres_ppm((number, 8 * number + 3, 1023)).tolist()
    structure = Structure.from_smiles(smiles)
    peaks = PeakList(tuple(map(Peak, shifts)))
    return Record(f"m{number}", f"s{number}", structure, peaks, f"row {number}")


RECORDS = [make_record(number, smiles) for number, smiles in enumerate(SMILES)]


@pytest.fixture
def dataset() -> SpectrumDataset:
    return SpectrumDataset(RECORDS, CODEC, AXIS)


def test_items_are_the_encoded_records(dataset: SpectrumDataset) -> None:
    assert len(dataset) == len(RECORDS)
    for index, record in enumerate(RECORDS):
        x, code = dataset[index]
        assert x.dtype == code.dtype == torch.float32
        np.testing.assert_array_equal(x.numpy(), CODEC.encode(record.structure))
        fine = (index, 8 * index + 3, 1023)
        np.testing.assert_array_equal(code.numpy(), AXIS.code_from_fine(fine))
        assert set(np.flatnonzero(dataset.fine_codes[index])) == set(fine)
        assert AXIS.occupied(record.peaks.shifts_ppm) == tuple(sorted(set(fine)))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_batches_are_all_records_in_order(dataset: SpectrumDataset, batch_size: int) -> None:
    batches = list(dataset.batches(batch_size))
    sizes = [len(batch.x) for batch in batches]
    assert sum(sizes) == len(RECORDS)
    assert set(sizes[:-1]) <= {batch_size}
    assert sizes[-1] <= batch_size
    assert torch.equal(torch.cat([b.x for b in batches]), dataset.x.float())
    assert torch.equal(torch.cat([b.code for b in batches]), dataset.code.float())


def test_a_batch_is_its_items_in_the_order_asked_for(dataset: SpectrumDataset) -> None:
    x, code = dataset.__getitems__([4, 0, 4])
    for row, index in enumerate([4, 0, 4]):
        assert torch.equal(x[row], dataset[index].x)
        assert torch.equal(code[row], dataset[index].code)


def test_a_loader_gives_shuffled_batches_of_every_record(dataset: SpectrumDataset) -> None:
    sampler = EpochShuffle(len(dataset), 3, seed=1)
    loader = DataLoader(dataset, batch_sampler=sampler, collate_fn=lambda batch: batch)
    batches = list(loader)
    assert [batch.x.shape for batch in batches] == [(3, 4, 16, 16), (3, 4, 16, 16), (1, 4, 16, 16)]
    codes = torch.cat([batch.code for batch in batches])
    assert torch.equal(codes, dataset.code[list(chain(*sampler))].float())


def test_a_record_outside_the_codec_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"row 9.*contains O"):
        SpectrumDataset([*RECORDS, make_record(9, "CCO")], CODEC, AXIS)


def test_shifts_off_the_axis_are_told() -> None:
    off = replace(RECORDS[0], peaks=PeakList((Peak(-2.5), Peak(204.7), Peak(210.0))))
    assert say_off_scale(RECORDS, AXIS) == []
    assert say_off_scale([*RECORDS, off, off], AXIS) == [
        "4 shifts lie off the axis and fill its end bins"
    ]


@given(
    n=st.integers(0, 50),
    batch_size=st.integers(1, 60),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 1000),
)
def test_an_order_is_a_permutation(n: int, batch_size: int, seed: int, epoch: int) -> None:
    shuffle = EpochShuffle(n, batch_size, seed)
    shuffle.set_epoch(epoch)
    batches = list(shuffle)
    assert sorted(chain(*batches)) == list(range(n))
    assert len(shuffle) == len(batches) == -(-n // batch_size)
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}


@given(
    n=st.integers(1, 50), each=st.integers(1, 20), world=st.integers(1, 6), epoch=st.integers(0, 9)
)
def test_processes_share_out_the_batches_of_one_process(
    as_process: Callable[..., Any], n: int, each: int, world: int, epoch: int
) -> None:
    size = each * world
    shuffle = EpochShuffle(n, size, seed=5)
    shuffle.set_epoch(epoch)
    alone = list(shuffle)
    if n % size < world and n > size and n % size:  # Too little for all: one batch with the last.
        *alone, last, rest = alone
        alone.append(last + rest)
    shares = []
    for rank in range(world):
        with as_process(rank, world):
            if n < world:
                with pytest.raises(ConfigError, match=f"{n} records for {world} processes"):
                    list(shuffle)
                return
            shares.append(list(shuffle))
            assert len(shuffle) == len(alone)
    assert sorted(chain(*chain(*shares))) == list(range(n))  # every row once
    for batch, *parts in zip(alone, *shares, strict=True):
        assert all(parts)
        assert [row for rows in zip_longest(*parts) for row in rows if row is not None] == batch


def order(seed: int, epoch: int) -> list[int]:
    shuffle = EpochShuffle(100, 7, seed)
    shuffle.set_epoch(epoch)
    return list(chain(*shuffle))


def test_an_order_follows_from_seed_and_epoch_alone() -> None:
    first = order(3, 2)
    torch.manual_seed(12345)
    assert order(3, 2) == first
    # A run that got there epoch by epoch meets the same order as one that resumes there.
    shuffle = EpochShuffle(100, 7, 3)
    for epoch in range(3):
        shuffle.set_epoch(epoch)
        last = list(chain(*shuffle))
    assert last == first
    assert list(chain(*shuffle)) == first


def test_another_seed_or_epoch_is_another_order() -> None:
    orders = [order(seed, epoch) for seed in range(4) for epoch in range(4)]
    assert len({tuple(o) for o in orders}) == 16


def test_shuffling_leaves_the_global_random_state() -> None:
    state = torch.random.get_rng_state()
    order(3, 2)
    assert torch.equal(torch.random.get_rng_state(), state)
