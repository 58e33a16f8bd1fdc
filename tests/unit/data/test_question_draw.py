"""Questions drawn of molecules: true but for the errors that are asked for; and peak tables."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nmrflow.data.peak_table import NO_TOKEN, PeakTable, joined, read_table, write_table
from nmrflow.data.question_draw import Asked, PeakBatches, PeakRows, QuestionDraw, Rows
from nmrflow.errors import ConfigError, DataError
from nmrflow.numerics import Draws, generator_for
from nmrflow.spectra.places import NO_PLACE

N, P, N_PEAKS = 400, 6, 8
EDGES = torch.tensor([42_000.0, 45_000.0, 52_000.0])
TRUE = dict.fromkeys(
    ("part_of_formula", "some_hydrogens", "drop", "stray", "tenths", "jitter_ppm"), 0.0
)
ALL = QuestionDraw(exact=1, formula=1, hydrogens=1, carbons=1, **TRUE)
NOTHING = QuestionDraw(exact=0, formula=0, hydrogens=0, carbons=0, **TRUE)


def some_rows(*, measured: bool = False) -> Rows:
    """Molecules of one to five peaks at different places."""
    generator = torch.Generator().manual_seed(1)
    shifts = torch.stack([torch.randperm(300, generator=generator)[:P] for _ in range(N)])
    shifts = 40_003 + 50 * shifts
    n_peaks = torch.randint(1, P, (N, 1), generator=generator)
    shifts = torch.where(torch.arange(P) < n_peaks, shifts, -1)
    hydrogens = torch.randint(0, 4, (N, P), generator=generator)
    return Rows(torch.zeros(N, 3).long(), shifts, hydrogens, torch.full((N,), measured))


TOTALS = torch.arange(N * 8).reshape(N, 8)


def asked(draw: QuestionDraw, rows: Rows | None = None, *, ions: bool = False) -> Asked:
    rows = some_rows() if rows is None else rows
    is_ion = torch.full((N,), ions)
    draws = Draws(generator_for(3), N)
    return draw(rows, TOTALS, is_ion=is_ion, edges=EDGES, n_peaks=N_PEAKS, draws=draws)


def peaks_of(question: Asked) -> list[set[tuple[int, int]]]:
    pairs = question.facts[:, 8:].reshape(N, N_PEAKS, 2).tolist()
    return [{(place, h) for place, h in row if place >= 0} for row in pairs]


def truth_of(rows: Rows) -> list[set[tuple[int, int]]]:
    pairs = torch.stack([rows.shifts, rows.hydrogens], 2).tolist()
    return [{(place, h) for place, h in row if place >= 0} for row in pairs]


def code_of(shifts: Tensor) -> Tensor:
    bins = torch.zeros(len(shifts), 4, dtype=torch.bool)
    for row, own in zip(bins, shifts.tolist(), strict=True):
        for shift in own:
            if shift >= 0:
                row[int((shift >= EDGES).sum())] = True
    return bins


def test_all_that_is_told_is_true() -> None:
    rows, question = some_rows(), asked(ALL)
    assert peaks_of(question) == truth_of(rows)
    assert torch.equal(question.facts[:, :8], TOTALS)
    assert torch.equal(question.code, code_of(rows.shifts))
    assert torch.equal(question.tokens, rows.tokens)


def test_nothing_is_told_but_the_code() -> None:
    question = asked(NOTHING)
    assert (question.facts == -1).all()
    assert torch.equal(question.code, code_of(some_rows().shifts))


def test_of_an_ion_the_formula_is_not_told() -> None:
    facts = asked(ALL, ions=True).facts[:, :8]
    assert (facts[:, :4] == -1).all()
    assert torch.equal(facts[:, 4:], TOTALS[:, 4:])


def test_parts_are_told_as_often_as_asked_and_are_true() -> None:
    half = QuestionDraw(**{**TRUE, "exact": 0.5, "formula": 0.5, "hydrogens": 0, "carbons": 0.25})
    facts = asked(half).facts
    told = facts[:, :8] >= 0
    assert torch.equal(facts[:, :8], torch.where(told, TOTALS, -1))
    for share, rows in ((0.5, told[:, :4]), (0.25, told[:, 4:])):
        assert torch.equal(rows.all(1), rows.any(1))
        assert rows[:, 0].double().mean() == pytest.approx(share, abs=0.1)
    assert (facts[:, 8] >= 0).double().mean() == pytest.approx(0.5, abs=0.1)
    assert (facts[:, 9::2] == -1).all()
    some = QuestionDraw(**{**TRUE, "exact": 1, "formula": 0, "part_of_formula": 1, "carbons": 0})
    told = asked(some).facts[:, :4] >= 0
    assert 0.3 < told.double().mean() < 0.7
    assert (told.any(1) & ~told.all(1)).any()


def test_hydrogens_of_some_peaks_are_true() -> None:
    some = QuestionDraw(exact=1, hydrogens=0, **{**TRUE, "some_hydrogens": 1})
    n_told = 0
    for own, truth in zip(peaks_of(asked(some)), truth_of(some_rows()), strict=True):
        known = {pair for pair in own if pair[1] >= 0}
        assert known <= truth
        assert {place for place, _ in own} == {place for place, _ in truth}
        n_told += len(known)
    assert 0.3 < n_told / sum(map(len, truth_of(some_rows()))) < 0.7


def test_peaks_are_missing_as_often_as_asked_but_never_all() -> None:
    for drop in (0.3, 1.0):
        draw = QuestionDraw(exact=1, hydrogens=1, **{**TRUE, "drop": drop})
        found, truth = peaks_of(asked(draw)), truth_of(some_rows())
        assert all(own <= whole for own, whole in zip(found, truth, strict=True))
        if drop < 1:  # Where all were missing, all stay.
            assert all(found)
            n_left = sum(map(len, found)) / sum(map(len, truth))
            assert 1 - drop <= n_left < 1 - drop + 0.15
        else:
            assert found == truth


def test_a_peak_too_many_is_another_molecules() -> None:
    draw = QuestionDraw(exact=1, hydrogens=0, **{**TRUE, "stray": 1})
    every = {place for row in truth_of(some_rows()) for place, _ in row}
    n_more = 0
    for own, truth in zip(peaks_of(asked(draw)), truth_of(some_rows()), strict=True):
        places, known = {place for place, _ in own}, {place for place, _ in truth}
        assert known <= places
        assert places <= every
        n_more += len(places - known)
    assert n_more > 0.9 * N


def test_only_measured_shifts_deviate() -> None:
    draw = QuestionDraw(exact=1, hydrogens=0, **{**TRUE, "jitter_ppm": 0.25})
    predicted = asked(draw)
    assert torch.equal(predicted.facts, asked(QuestionDraw(exact=1, hydrogens=0, **TRUE)).facts)
    rows = some_rows(measured=True)
    rows = rows._replace(shifts=torch.where(torch.arange(P) < 1, rows.shifts, -1))
    off = (asked(draw, rows).facts[:, 8] - rows.shifts[:, 0]).double()
    assert off.abs().mean() == pytest.approx(25, abs=4)
    assert off.mean() == pytest.approx(0, abs=5)


def test_shifts_are_rounded_to_tenths() -> None:
    draw = QuestionDraw(exact=1, hydrogens=0, **{**TRUE, "tenths": 1})
    rows, told = some_rows(), peaks_of(asked(draw))
    for own, shifts in zip(told, rows.shifts.tolist(), strict=True):
        assert {place for place, _ in own} == {(s + 5) // 10 * 10 for s in shifts if s >= 0}


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="formula"):
        QuestionDraw(formula=1.5)


def table(n: int, n_draws: int = 2, width: int = 3, first: int = 0) -> PeakTable:
    number = np.arange(first, first + n)
    shifts = np.full((n, n_draws, width), NO_PLACE, np.uint16)
    shifts[:, :, 0] = 40_000 + 10 * number[:, None] + np.arange(n_draws)
    return PeakTable(
        np.full((n, width), 7, np.uint8),
        shifts,
        np.full((n, width), 2, np.uint8),
        np.full((n, 4), 1, np.uint8),
    )


def test_tables_are_read_as_written_and_joined(tmp_path: Path) -> None:
    whole = joined([table(3), table(2, width=5, first=3)])
    assert whole.tokens.shape == (5, 5)
    assert (whole.tokens[:3, 3:] == NO_TOKEN).all()
    assert (whole.shifts[:3, :, 3:] == NO_PLACE).all()
    assert (whole.hydrogens[:3, 3:] == 0).all()
    write_table(tmp_path / "table.npz", whole)
    for part, own in zip(read_table(tmp_path / "table.npz"), whole, strict=True):
        assert part.dtype == own.dtype
        np.testing.assert_array_equal(part, own)
    picked = whole.rows(np.array([4, 0]))
    np.testing.assert_array_equal(picked.shifts, whole.shifts[[4, 0]])


@pytest.mark.parametrize("damage", ["cut", "empty", "missing", "types", "lengths"])
def test_a_damaged_table_is_refused_by_its_name(damage: str, tmp_path: Path) -> None:
    file, own = tmp_path / "table.npz", table(4)
    if damage == "types":
        own = own._replace(shifts=own.shifts.astype(np.int64))
    if damage == "lengths":
        own = own._replace(kinds=own.kinds[:2])
    write_table(file, own)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:200])
    if damage == "empty":
        file.write_bytes(b"")
    if damage == "missing":
        file.unlink()
    with pytest.raises(DataError, match=r"table\.npz: .*remove its folder"):
        read_table(file)


def test_rows_are_drawn_by_weight_and_measured_ones_by_their_share() -> None:
    rows = PeakRows(table(4), table(3, n_draws=1, first=100))
    assert len(rows) == 4 * 2 + 3
    sizes = {"n": 4000, "batch_size": 10, "share_measured": 0.3, "seed": 1}
    weights = np.array([0.0, 1.0, 3.0, 0.0])
    batches = PeakBatches(rows, **sizes, weights=weights)
    assert len(batches) == 400
    drawn = list(batches.whole_batches())
    assert drawn == list(PeakBatches(rows, **sizes, weights=weights).whole_batches())
    made = [index for batch in drawn for index in batch if index < 8]
    assert len(made) == 400 * 7
    assert {index // 2 for index in made} == {1, 2}
    assert np.mean([index // 2 == 2 for index in made]) == pytest.approx(0.75, abs=0.05)
    found = rows.__getitems__([3, 10])
    assert found.shifts[:, 0].tolist() == [40_011, 41_020]
    assert found.shifts[0, 1] == -1
    assert found.is_measured.tolist() == [False, True]
    with pytest.raises(ConfigError, match="no molecules to learn from"):
        PeakBatches(rows, **sizes, weights=np.zeros(4))
