"""Sides by structure: disjoint, complete, stable, and the same forever."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.enumeration import alkanes
from nmrflow.chem.structure import Structure
from nmrflow.data.records import Record
from nmrflow.data.splits import (
    InnerSplit,
    Split,
    StructureSplit,
    hash_fraction,
    records_hash,
    structure_hash,
    without,
)
from nmrflow.errors import ConfigError
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList

AXIS = ShiftAxis()
SEEDS = st.integers(0, 2**63)


def make_record(number: int, structure: Structure) -> Record:
    peaks = in_bins(number)
    return Record(f"m{number}", f"s{number}", structure, peaks, f"row {number}")


def in_bins(*fine_bins: int) -> PeakList:
    return PeakList(tuple(map(Peak, AXIS.fine_centres_ppm(fine_bins).tolist())))


MOLECULES = [isomer for n in range(2, 9) for isomer in alkanes(n)]
# Every third molecule is measured twice, the second time with its atoms numbered backwards.
RECORDS = tuple(
    make_record(number, structure)
    for number, structure in enumerate(
        MOLECULES + [s.permuted(range(s.n_atoms - 1, -1, -1)) for s in MOLECULES[::3]]
    )
)
TEXTS = [f"molecule {number}" for number in range(2000)]


def connectivities(records: tuple[Record, ...]) -> set[str]:
    return {record.structure.connectivity for record in records}


@given(seed=SEEDS)
def test_sides_are_disjoint_and_complete(seed: int) -> None:
    sides = StructureSplit(seed).divide(RECORDS)
    assert sorted(sides.train + sides.validation, key=RECORDS.index) == list(RECORDS)
    assert not connectivities(sides.train) & connectivities(sides.validation)
    assert list(sides.train) == [r for r in RECORDS if r in sides.train]
    assert list(sides.validation) == [r for r in RECORDS if r in sides.validation]


@given(seed=SEEDS)
def test_inner_sides_are_the_outer_training_side(seed: int) -> None:
    outer, inner = StructureSplit(seed).divide(RECORDS), InnerSplit(seed).divide(RECORDS)
    assert sorted(inner.train + inner.validation, key=RECORDS.index) == list(outer.train)
    assert not connectivities(inner.train) & connectivities(inner.validation)
    assert not connectivities(inner.validation) & connectivities(outer.validation)


@given(seed=SEEDS, data=st.data())
@pytest.mark.parametrize("kind", [StructureSplit, InnerSplit])
def test_adding_rows_moves_nobody(
    kind: type[StructureSplit], seed: int, data: st.DataObject
) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(RECORDS), max_size=len(RECORDS)))
    some = tuple(r for r, kept in zip(RECORDS, keep, strict=True) if kept)
    few, all_ = kind(seed).divide(some), kind(seed).divide(RECORDS)
    assert few.train == tuple(r for r in all_.train if r in some)
    assert few.validation == tuple(r for r in all_.validation if r in some)


@given(seed=SEEDS)
def test_another_seed_is_another_split(seed: int) -> None:
    def side(seed: int) -> list[bool]:
        return [StructureSplit(seed).is_validation(text) for text in TEXTS]

    assert side(seed) == side(seed)
    assert side(seed) != side(seed + 1)


# 2,000 draws scatter by 0.009 around 0.2; more than five times that is no chance.
@given(seed=SEEDS)
def test_about_a_fifth_is_held_out(seed: int) -> None:
    held = [StructureSplit(seed).is_validation(text) for text in TEXTS]
    assert sum(held) / len(held) == pytest.approx(0.2, abs=0.05)


@given(seed=SEEDS)
def test_the_inner_part_is_an_eighth_of_either_side(seed: int) -> None:
    """Of the training side as of all: the two hashes do not go together."""
    split = InnerSplit(seed)
    for texts in (TEXTS, [text for text in TEXTS if not split.is_validation(text)]):
        share = sum(map(split.is_inner, texts)) / len(texts)
        assert share == pytest.approx(0.125, abs=0.05)


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.9])
def test_the_fraction_is_the_one_asked_for(fraction: float) -> None:
    held = [text for text in TEXTS if StructureSplit(0, fraction).is_validation(text)]
    assert len(held) / len(TEXTS) == pytest.approx(fraction, abs=0.055)
    # A larger validation side contains the smaller one.
    larger = StructureSplit(0, fraction + 0.05)
    assert all(larger.is_validation(text) for text in held)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 20, float("nan"), float("inf")])
def test_fractions_that_are_none_are_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match="validation_fraction"):
        StructureSplit(0, fraction)
    with pytest.raises(ConfigError, match="validation_fraction"):
        InnerSplit(0, fraction)
    with pytest.raises(ConfigError, match="inner_fraction"):
        InnerSplit(0, 0.2, fraction)


def test_the_hash_never_changes() -> None:
    """Reported scores and checkpoints rest on these sides: if this fails, they are void."""
    assert hash_fraction("side", 0, "c1ccccc1") == 0.8021025354059115
    assert hash_fraction("inner", 7, "CC") == 0.15990364075819574
    molecules = ["CC", "CCC", "C=C", "C#C", "CC(C)C", "c1ccccc1", "C1CC1", "C=CC=C", "CCCC"]
    held = {seed: list(filter(StructureSplit(seed).is_validation, molecules)) for seed in (0, 1)}
    assert held == {0: ["CC", "CC(C)C"], 1: ["c1ccccc1"]}
    assert list(filter(InnerSplit(0).is_inner, molecules)) == ["CCC", "C#C", "C1CC1"]


def test_digests_never_change() -> None:
    records = [make_record(n, Structure.from_smiles(s)) for n, s in enumerate(["CC", "C=CC"])]
    records = [replace(record, peaks=in_bins(2, 1, 2)) for record in records]
    expected = "71f780570d37b7b920319de8f0bcd48d67020a5fafa7359b93602cc009bf6804"
    assert records_hash(records, AXIS) == expected
    assert structure_hash("CC") == "a56362a10c816abf"


def test_digest_is_of_the_records_content_and_not_of_their_order() -> None:
    digest = records_hash(RECORDS, AXIS)
    assert records_hash(RECORDS[::-1], AXIS) == digest
    assert records_hash(RECORDS[1:], AXIS) != digest
    assert records_hash((*RECORDS, RECORDS[0]), AXIS) != digest
    last = RECORDS[-1]
    other_peaks = replace(last, peaks=in_bins(len(RECORDS) - 1, 1000))
    other_numbering = replace(
        last, structure=last.structure.permuted([1, 0, *range(2, last.structure.n_atoms)])
    )
    for changed in (other_peaks, other_numbering):
        assert records_hash((*RECORDS[:-1], changed), AXIS) != digest


def test_excluded_molecules_are_dropped_whatever_their_record() -> None:
    twice = RECORDS[0].structure.connectivity
    kept = without(RECORDS, {twice})
    assert kept == [r for r in RECORDS if r.structure.connectivity != twice]
    assert len(kept) == len(RECORDS) - 2
    assert without(RECORDS, []) == list(RECORDS)


@pytest.mark.parametrize("split", [StructureSplit(3), InnerSplit(3)])
def test_no_records_make_no_sides(split: Split) -> None:
    assert split.divide([]).train == split.divide([]).validation == ()
