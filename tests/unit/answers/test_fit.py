"""Fits of structures to peaks, in cases that can be worked out by hand."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.answers.fit import TOLERANCE_PPM, Fit, find_contradiction, fit
from nmrflow.answers.prediction import gather
from nmrflow.chem.structure import Structure
from nmrflow.errors import CheckpointError, StructureError
from nmrflow.formats.text_reader import read_peaks
from nmrflow.model.results import PredictedShifts
from nmrflow.shifts.mixture import LaplaceMixture
from nmrflow.spectra.peaks import Peak, PeakList

TOLUENE = "Cc1ccccc1"
TOLUENE_PPM = (21.4, 137.8, 129.1, 128.3, 125.4, 128.3, 129.1)
MEASURED_PPM = (137.89, 129.07, 128.26, 125.33, 21.46)

Shifts = Callable[..., PredictedShifts]


def peak_list(shifts_ppm: Sequence[float], letters: str = "") -> PeakList:
    told = [letter if letter != "-" else None for letter in letters.ljust(len(shifts_ppm), "-")]
    return PeakList(tuple(map(Peak, shifts_ppm, told)))


def pairs(found: Fit) -> dict[tuple[int, ...], float]:
    """The shift of the peak of each group of atoms."""
    return {pair.group.atoms: pair.measured.shift_ppm for pair in found.assigned}


def with_tails(shifts: PredictedShifts) -> PredictedShifts:
    """A tenth of every distribution far and wide, as trained networks leave it."""
    near = shifts.distribution.centre_ppm
    wide = torch.full_like(near, 60.0)
    mixture = LaplaceMixture(
        torch.cat([near, near], 1),
        torch.cat([shifts.distribution.scale_ppm, wide], 1),
        torch.tensor([0.9, 0.1], dtype=torch.float64).log().expand(len(near), 2),
    )
    return PredictedShifts(shifts.structure, mixture, *shifts_points(shifts), shifts.level)


def shifts_points(shifts: PredictedShifts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return shifts.median_ppm, shifts.low_ppm, shifts.high_ppm


# Matching.


def test_equivalent_carbons_share_a_peak(shifts_by_hand: Shifts) -> None:
    found = fit(shifts_by_hand(TOLUENE, TOLUENE_PPM), peak_list(MEASURED_PPM))
    assert pairs(found) == {
        (1,): 137.89, (2, 6): 129.07, (3, 5): 128.26, (4,): 125.33, (0,): 21.46,
    }  # fmt: skip
    assert sorted(pair.peak for pair in found.assigned) == [0, 1, 2, 3, 4]
    assert (found.n_matched, found.n_peaks) == (5, 5)
    assert found.contradiction is None


def test_of_more_peaks_than_carbons_some_belong_to_none(shifts_by_hand: Shifts) -> None:
    peaks = peak_list([77.0, *MEASURED_PPM, 30.0])
    found = fit(shifts_by_hand(TOLUENE, TOLUENE_PPM), peaks)
    assert [pair.peak for pair in found.assigned] == [1, 2, 3, 4, 5]
    assert (found.n_matched, found.n_peaks) == (5, 7)
    assert found.contradiction is None


def test_fewer_peaks_are_shared(shifts_by_hand: Shifts) -> None:
    found = fit(shifts_by_hand(TOLUENE, TOLUENE_PPM), peak_list([128.7, 21.5]))
    assert set(pairs(found).values()) == {128.7, 21.5}
    assert pairs(found)[0,] == 21.5
    assert len(found.assigned) == 5
    # Of 137.8 its peak is too far away, but the others' is within reach of them.
    assert (found.n_matched, found.n_peaks) == (2, 2)


PROPENE_PPM = (19.0, 116.0, 134.0)  # CH and CH2 the wrong way about


def test_multiplicities_force_the_matching(shifts_by_hand: Shifts) -> None:
    shifts = with_tails(shifts_by_hand("CC=C", PROPENE_PPM, scale_ppm=0.5))
    silent = fit(shifts, peak_list([134.0, 116.0, 19.0]))
    assert pairs(silent) == {(0,): 19.0, (1,): 116.0, (2,): 134.0}
    told = fit(shifts, peak_list([134.0, 116.0, 19.0], "DTQ"))
    assert pairs(told) == {(0,): 19.0, (1,): 134.0, (2,): 116.0}
    assert told.log_density < silent.log_density


def test_a_wrong_multiplicity_is_taken_where_there_is_no_other(shifts_by_hand: Shifts) -> None:
    found = fit(shifts_by_hand("CC", (7.0, 7.0)), peak_list([6.5], "T"))
    assert pairs(found) == {(0, 1): 6.5}
    assert found.contradiction == "1 CH2 by the peaks, 0 in the structure"
    # What is no carbon's kind costs nothing where the match itself is judged.
    assert found.log_density == pytest.approx(-math.log(2) - 0.5)


def test_multiplicities_force_the_matching_of_the_surest_shifts(shifts_by_hand: Shifts) -> None:
    shifts = shifts_by_hand("CC=C", PROPENE_PPM, scale_ppm=0.5)
    told = fit(shifts, peak_list([134.0, 116.0, 19.0], "DTQ"))
    assert pairs(told) == {(0,): 19.0, (1,): 134.0, (2,): 116.0}


@given(st.permutations(range(7)), st.permutations(range(5)))
def test_neither_numbering_nor_the_order_of_peaks_matters(
    shifts_by_hand: Shifts, order: list[int], peak_order: list[int]
) -> None:
    structure = Structure.from_smiles(TOLUENE)
    expected = fit(shifts_by_hand(structure, TOLUENE_PPM), peak_list(MEASURED_PPM))
    found = fit(
        shifts_by_hand(structure.permuted(order), [TOLUENE_PPM[k] for k in order]),
        peak_list([MEASURED_PPM[k] for k in peak_order]),
    )
    named = {
        tuple(sorted(order[atom] for atom in atoms)): ppm for atoms, ppm in pairs(found).items()
    }
    assert named == pairs(expected)
    assert found.log_density == pytest.approx(expected.log_density)
    assert found.rmsd_ppm == pytest.approx(expected.rmsd_ppm)


# Numbers, by hand: CH3 twice 1 ppm too low, CH2 3 ppm too high.


def test_deviations_count_each_carbon(shifts_by_hand: Shifts) -> None:
    found = fit(shifts_by_hand("CCC", (16.0, 20.0, 16.0), scale_ppm=2.0), peak_list([15.0, 23.0]))
    assert pairs(found) == {(0, 2): 15.0, (1,): 23.0}
    assert sorted(pair.deviation_ppm for pair in found.assigned) == [-1.0, 3.0]
    assert found.mean_deviation_ppm == pytest.approx((2 * 1 + 3) / 3)
    assert found.rmsd_ppm == pytest.approx(math.sqrt((2 * 1 + 9) / 3))
    assert found.log_density == pytest.approx(-math.log(4) - (2 * 0.5 + 1.5) / 3)
    half = 2 * math.log(10)  # of the 90 % interval
    assert found.tension == pytest.approx((2 * 1 + 3) / 3 / half)


def test_no_carbon_is_more_than_five_times_tense(shifts_by_hand: Shifts) -> None:
    shifts = shifts_by_hand("CCC", (16.0, 20.0, 16.0), scale_ppm=0.01)
    assert fit(shifts, peak_list([16.0, 80.0])).tension == pytest.approx(5 / 3)


@pytest.mark.parametrize(
    ("away_ppm", "n"), [(0.0, 1), (TOLERANCE_PPM, 1), (-TOLERANCE_PPM, 1), (5.01, 0)]
)
def test_a_peak_is_matched_within_the_tolerance(
    away_ppm: float, n: int, shifts_by_hand: Shifts
) -> None:
    found = fit(shifts_by_hand("CC", (10.0, 10.0)), peak_list([10.0 + away_ppm]))
    assert found.n_matched == n


def test_a_peak_that_two_groups_share_is_matched_once(shifts_by_hand: Shifts) -> None:
    found = fit(shifts_by_hand("CCC", (16.0, 17.0, 16.0)), peak_list([16.5]))
    assert (len(found.assigned), found.n_matched, found.n_peaks) == (2, 1, 1)


# Other elements than the observed one count for nothing.


def test_only_observed_atoms_count_in_the_density(shifts_by_hand: Shifts) -> None:
    # Of diethyl ether the oxygen has no peak; its own distribution would fit neither.
    shifts = shifts_by_hand("CCOCC", (15.0, 66.0, 1_000.0, 66.0, 15.0), scale_ppm=2.0)
    found = fit(shifts, peak_list([67.0, 15.5]))
    assert pairs(found) == {(1, 3): 67.0, (0, 4): 15.5}
    one, other = -math.log(4) - 0.5, -math.log(4) - 0.25
    assert found.log_density == pytest.approx((one + other) / 2)
    assert found.log_likelihood == pytest.approx(2 * one + 2 * other)
    assert found.mean_deviation_ppm == pytest.approx(0.75)


@given(data=st.data())
def test_the_likelihood_is_a_sum_over_carbons(
    shifts_by_hand: Shifts, molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules.filter(lambda s: "C" in s.elements))
    peaks = data.draw(st.lists(st.floats(0, 200), min_size=1, max_size=5, unique=True))
    found = fit(shifts_by_hand(structure, [100.0] * structure.n_atoms), peak_list(peaks))
    total = sum(
        len(pair.group.atoms) * (-math.log(2) - abs(pair.deviation_ppm)) for pair in found.assigned
    )
    assert found.log_likelihood == pytest.approx(total)
    n_carbons = structure.elements.count("C")
    assert found.log_density == pytest.approx(total / n_carbons)


@pytest.mark.parametrize("smiles", ["O", "N", "OO", "O=S(=O)(O)O"])
def test_without_an_observed_atom_there_is_no_fit(smiles: str, shifts_by_hand: Shifts) -> None:
    structure = Structure.from_smiles(smiles)
    shifts = shifts_by_hand(structure, [10.0] * structure.n_atoms)
    assert gather(shifts).groups == ()
    with pytest.raises(
        StructureError, match=f"0 groups of carbons in {structure.formula}, 1 peaks"
    ):
        fit(shifts, peak_list([10.0]))


# Contradictions.


@pytest.mark.parametrize(
    ("peaks", "expected"),
    [
        ("137.9, 129.1, 128.3, 125.3, 21.5", None),
        ("137.9 (C), 129.1 (CH), 128.3 (CH), 125.3 (CH), 21.5 (CH3)", None),
        ("137.9 (C), 129.1 (2CH), 128.3 (2CH), 125.3 (CH), 21.5 (CH3)", None),
        # Too many of a kind.
        ("137.9 (C), 137.0 (C), 21.5", "2 C by the peaks, 1 in the structure"),
        ("129.1 (2CH), 128.3 (4CH), 21.5", "6 CH by the peaks, 5 in the structure"),
        ("128.0, 21.5 (CH2)", "1 CH2 by the peaks, 0 in the structure"),
        ("128.0, 21.5 (2 × CH3)", "2 CH3 by the peaks, 1 in the structure"),
        # None of a kind, where every peak tells its own.
        ("129.1 (CH), 128.3 (CH), 125.3 (CH)", "no CH3 by the peaks, 1 in the structure"),
        ("137.9 (C), 21.5 (CH3)", "no CH by the peaks, 5 in the structure"),
        ("137.9, 21.5 (CH3)", None),
        # Carbons without hydrogen are often not seen.
        ("129.1 (CH), 128.3 (CH), 125.3 (CH), 21.5 (CH3)", None),
        # A number of carbons without their kind says nothing of kinds.
        ("128.7 (5C), 21.5 (1C)", None),
        # But the structure needs as many in all.
        ("128.7 (6C), 21.5 (2C)", "8 carbons by the peaks, 7 in the structure"),
    ],
)
def test_toluene_is_ruled_out_by_multiplicities(
    peaks: str, expected: str | None, shifts_by_hand: Shifts
) -> None:
    shifts = shifts_by_hand(TOLUENE, TOLUENE_PPM)
    assert find_contradiction(gather(shifts), read_peaks(peaks)) == expected
    assert fit(shifts, read_peaks(peaks)).contradiction == expected


@given(st.from_type(Structure))
def test_its_own_multiplicities_never_rule_a_structure_out(
    shifts_by_hand: Shifts, structure: Structure
) -> None:
    prediction = gather(shifts_by_hand(structure, [100.0] * structure.n_atoms))
    told = tuple(
        Peak(group.shift_ppm, group.multiplicity, len(group.atoms)) for group in prediction.groups
    )
    assert find_contradiction(prediction, PeakList(told)) is None
    more = replace_count(told)
    assert find_contradiction(prediction, PeakList(more)) is not None


def replace_count(peaks: tuple[Peak, ...]) -> tuple[Peak, ...]:
    first = peaks[0]
    assert first.n_carbons
    return (Peak(first.shift_ppm, first.multiplicity, first.n_carbons + 1), *peaks[1:])


# Peaks and carbons that are left over.


@pytest.mark.parametrize(
    ("peaks", "unexplained", "unseen", "n_extra", "n_missing"),
    [
        ([16.0, 24.0], [], [], 0, 0),
        ([16.0, 24.0, 90.0], [90.0], [], 1, 0),
        ([16.0, 90.0], [90.0], [(1,)], 0, 0),  # it lies elsewhere
        ([16.0], [], [(1,)], 0, 1),
        ([20.0], [], [], 0, 1),  # they share one
        ([90.0], [90.0], [(1,), (0, 2)], 0, 1),
        ([16.0, 24.0, 90.0, 250.0], [90.0, 250.0], [], 2, 0),
    ],
)
def test_what_is_left_over_is_counted(
    peaks: list[float],
    unexplained: list[float],
    unseen: list[tuple[int, ...]],
    n_extra: int,
    n_missing: int,
    shifts_by_hand: Shifts,
) -> None:
    found = fit(shifts_by_hand("CCC", (16.0, 24.0, 16.0)), peak_list(peaks))
    assert [peak.shift_ppm for peak in found.unexplained] == unexplained
    assert sorted(group.atoms for group in found.unseen) == sorted(unseen)
    assert (found.n_extra, found.n_missing) == (n_extra, n_missing)


DIMETHYLPENTANE = ("CC(C)C(C)CC", (19.0, 32.0, 19.0, 41.0, 14.5, 27.0, 11.6))


def test_diastereotopic_carbons_have_peaks_of_their_own(shifts_by_hand: Shifts) -> None:
    peaks = peak_list([40.6, 31.9, 26.8, 20.0, 17.8, 14.5, 11.6])
    shifts = shifts_by_hand(*DIMETHYLPENTANE)
    together, apart = fit(shifts, peaks), fit(shifts, peaks, splits=True)
    assert (together.n_matched, apart.n_matched) == (6, 7)
    assert {p.measured.shift_ppm for p in apart.assigned if p.group.atoms in ((0,), (2,))} == {
        20.0, 17.8,
    }  # fmt: skip
    (pair,) = apart.diastereotopic
    assert [group.atoms for group in pair] == [(0,), (2,)]
    assert apart.log_density == together.log_density


@pytest.mark.parametrize(
    ("shifts", "peaks"),
    [
        (DIMETHYLPENTANE, [40.6, 31.9, 26.8, 19.0, 14.5, 11.6]),  # one peak for both
        (DIMETHYLPENTANE, [40.6, 31.9, 26.8, 19.0, 14.5, 11.6, 90.0]),  # none of theirs
        (("CC(C)CC", (22.0, 30.0, 22.0, 32.0, 11.5)), [32.0, 30.0, 23.0, 21.0, 11.5]),
    ],
)
def test_others_stay_together(
    shifts: tuple[str, tuple[float, ...]], peaks: list[float], shifts_by_hand: Shifts
) -> None:
    predicted = shifts_by_hand(*shifts)
    assert fit(predicted, peak_list(peaks), splits=True) == fit(predicted, peak_list(peaks))


@pytest.mark.parametrize("shift_ppm", [float("nan"), float("inf"), 1_651_300.0, -1e9])
def test_what_is_no_shift_is_no_prediction(shift_ppm: float, shifts_by_hand: Shifts) -> None:
    with pytest.raises(CheckpointError, match="weights are damaged"):
        gather(shifts_by_hand("CCC", (16.0, shift_ppm, 16.0)))
