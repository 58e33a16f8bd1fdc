"""Lines of solvent and reference: found where they are, and nothing else taken for them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.formats.text_reader import read_peaks
from nmrflow.spectra.nucleus import Carbon13, SolventLine
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.solvents import (
    ForeignLine,
    find_solvents,
    n_solvent_lines,
    split_foreign_lines,
)

LINES_PPM = {
    solvent.name: tuple(line.shift_ppm for line in solvent.lines)
    for solvent in Carbon13().solvents
}

SOLVENTS = sorted(LINES_PPM.keys() - {"TMS"})


def split(
    solvent: str | None, shifts_ppm: Sequence[float]
) -> tuple[list[float], list[tuple[float, str]]]:
    """Shifts of the compound, shifts and names of what is not."""
    metadata = {} if solvent is None else {"solvent": solvent}
    own, foreign = split_foreign_lines(PeakList(tuple(map(Peak, shifts_ppm)), metadata))
    return [p.shift_ppm for p in own], [(line.peak.shift_ppm, line.name) for line in foreign]


# Names.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CDCl3", "CDCl3"),
        ("cdcl3", "CDCl3"),
        ("Chloroform-D1 (CDCl3)", "CDCl3"),
        ("chloroform-d", "CDCl3"),
        ("CDCl3 (0.03 % TMS)", "CDCl3"),
        ("DMSO", "DMSO-d6"),
        ("d6-DMSO", "DMSO-d6"),
        ("(CD3)2SO", "DMSO-d6"),
        ("Dimethylsulphoxide-D6 (DMSO-D6, C2D6SO)", "DMSO-d6"),
        ("dimethyl sulfoxide-d6", "DMSO-d6"),
        ("MeOD", "CD3OD"),
        ("Methanol-D4 (CD3OD)", "CD3OD"),
        ("Acetone-D6 ((CD3)2CO)", "acetone-d6"),
        ("Acetonitrile-D3(CD3CN)", "CD3CN"),
        ("Benzene-D6 (C6D6)", "C6D6"),
        ("Methylenchloride-D2 (CD2Cl2)", "CD2Cl2"),
        ("Tetrahydrofuran-D8 (THF-D8, C4D4O)", "THF-d8"),
        ("toluene-d8", "toluene-d8"),
        ("Deuteriumoxide (D2O)", "D2O"),
        ("petrol", None),
        ("neat", None),
        ("", None),
        ("()", None),
        ("TMS", None),  # a reference, no solvent
    ],
)
def test_a_solvent_is_known_by_many_names(text: str, expected: str | None) -> None:
    assert find_solvents(text) == (() if expected is None else (expected,))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d6-acetone", "acetone-d6"),
        ("d4-methanol", "CD3OD"),
        ("MeOH-d4", "CD3OD"),
        ("d6-benzene", "C6D6"),
        ("d8-THF", "THF-d8"),
        ("C4D8O", "THF-d8"),
        ("d8-toluene", "toluene-d8"),
        ("C7D8", "toluene-d8"),
        ("DCM-d2", "CD2Cl2"),
        ("deuterochloroform", "CDCl3"),
        ("CDCl3/TMS", "CDCl3"),
        ("CDCl3 + 0.03 % TMS", "CDCl3"),
        ("CDCl3, TMS", "CDCl3"),
    ],
)
def test_further_names_of_solvents(text: str, expected: str) -> None:
    assert find_solvents(text) == (() if expected is None else (expected,))


@given(st.sampled_from(SOLVENTS), st.data())
def test_case_blanks_and_dashes_do_not_matter(name: str, data: st.DataObject) -> None:
    written = "".join(
        data.draw(st.sampled_from((mark.lower(), mark.upper())))
        + data.draw(st.sampled_from(("", "", " ", "-", "_")))
        for mark in name
    )
    assert find_solvents(written) == (name,)


def test_subscripts_are_read_with_the_list() -> None:
    told = read_peaks("13C NMR (101 MHz, CDCl₃) δ 128.3, 77.0.")
    own, foreign = split_foreign_lines(told)
    assert [peak.shift_ppm for peak in own] == [128.3]
    assert [line.name for line in foreign] == ["CDCl3"]


# Lines.


@pytest.mark.parametrize("solvent", SOLVENTS)
def test_every_published_line_is_recognised_where_its_solvent_is_told(solvent: str) -> None:
    lines = LINES_PPM[solvent]
    own, foreign = split(solvent, [*lines, 99.9])
    assert own == [99.9]
    assert foreign == [(line, solvent) for line in lines]


@pytest.mark.parametrize(
    ("solvent", "shift_ppm", "name"),
    [
        ("CDCl3", 77.0, "CDCl3"),
        ("CDCl3", 77.36, "CDCl3"),
        ("CDCl3", 76.96, "CDCl3"),
        ("CDCl3", 77.37, None),
        ("CDCl3", 76.95, None),
        ("CDCl3", 39.52, None),
        ("acetone", 206.4, "acetone-d6"),
        ("D2O", 77.16, None),
        ("petrol", 77.16, None),
        (None, 77.16, "CDCl3"),
        (None, 77.165, "CDCl3"),
        (None, 77.167, None),
        (None, 77.0, None),
        (None, 39.52, "DMSO-d6"),
        (None, 49.0, "CD3OD"),
        (None, 128.06, None),  # of C6D6, but a benzene's as well
        ("", 77.16, "CDCl3"),
        (None, 0.0, "TMS"),
        ("CDCl3", 0.0, "TMS"),
        ("petrol", -0.004, "TMS"),
        ("CDCl3", 0.05, None),
    ],
)
def test_a_solvent_that_is_told_has_more_room(
    solvent: str | None, shift_ppm: float, name: str | None
) -> None:
    own, foreign = split(solvent, [shift_ppm, 20.1])
    assert foreign == ([] if name is None else [(shift_ppm, name)])
    assert own == ([shift_ppm, 20.1] if name is None else [20.1])


@pytest.mark.parametrize("told", ["Unreported", "unknown", "n/a"])
def test_a_solvent_that_was_not_reported_is_not_told(told: str) -> None:
    assert split(told, [77.16, 20.1])[0] == [20.1]


SEPTET_MHZ_100 = [38.89, 39.10, 39.31, 39.52, 39.73, 39.94, 40.15]


@pytest.mark.parametrize(
    ("solvent", "shifts_ppm", "own_ppm"),
    [
        ("CDCl3", [77.48, 77.16, 76.84], []),
        ("CDCl3", [77.6, 77.2, 76.8, 76.1], [76.1]),
        ("CDCl3", [77.48, 77.16], [77.48]),  # two lines are no multiplet
        ("CDCl3", [77.8, 77.6, 77.4], [77.8, 77.6, 77.4]),  # no line at the centre
        ("DMSO-d6", SEPTET_MHZ_100, []),
        (None, [77.48, 77.16, 76.84], []),
        (None, [77.3, 77.0, 76.7], []),
        (None, [77.48, 77.16, 76.74], [77.48, 76.74]),  # uneven: the published value alone
        (None, SEPTET_MHZ_100, []),
        (None, [39.2, 39.5, 39.8], [39.2, 39.5, 39.8]),  # of three lines, and DMSO has seven
    ],
)
def test_a_multiplet_goes_as_a_whole(
    solvent: str | None, shifts_ppm: list[float], own_ppm: list[float]
) -> None:
    own, foreign = split(solvent, [*shifts_ppm, 20.1])
    assert own == [*own_ppm, 20.1]
    assert len(foreign) == len(shifts_ppm) - len(own_ppm)


def test_the_septet_of_a_smaller_magnet_goes_as_a_whole() -> None:
    assert split("DMSO-d6", [39.52 + 0.28 * k for k in range(-3, 4)] + [20.1])[0] == [20.1]


@pytest.mark.parametrize(
    ("solvent", "shifts_ppm", "own_ppm"),
    [
        ("acetone-d6", [30.5, 30.1, 29.9, 29.3], [30.5, 30.1, 29.3]),  # CH2 of a long chain
        ("C6D6", [128.8, 128.1, 127.5], [128.8, 127.5]),  # CH of an arene
        ("toluene-d8", [129.3, 128.9, 128.4, 126.1], [129.3, 128.4, 126.1]),
    ],
)
def test_uneven_lines_around_the_solvents_are_the_compounds(
    solvent: str, shifts_ppm: list[float], own_ppm: list[float]
) -> None:
    assert split(solvent, shifts_ppm)[0] == own_ppm


def test_lines_of_both_solvents_of_a_mixture_are_recognised() -> None:
    assert split("CDCl3/CD3OD", [77.0, 49.1, 20.1])[0] == [20.1]


@pytest.mark.parametrize("said", [{"multiplicity": "D"}, {"n_carbons": 2}])
def test_a_peak_of_which_carbons_are_told_is_the_compounds(said: dict[str, str]) -> None:
    peaks = (Peak(77.16, **said), Peak(77.2), Peak(77.5, **said), Peak(76.8, **said))
    own, foreign = split_foreign_lines(PeakList(peaks, {"solvent": "CDCl3"}))
    assert own == (peaks[0], *peaks[2:])
    assert [line.peak for line in foreign] == [peaks[1]]


def test_a_peak_with_atoms_is_the_compounds() -> None:
    peaks = (Peak(125.2, atoms=("5",)), Peak(125.13))
    own, foreign = split_foreign_lines(PeakList(peaks, {"solvent": "toluene-d8"}))
    assert own == peaks[:1]
    assert [line.peak for line in foreign] == [peaks[1]]


@pytest.mark.parametrize(
    ("peak", "solvent", "name"),
    [
        (Peak(77.2, note="CDCl3"), None, "CDCl3"),
        (Peak(76.5, note="solvent, CDCl3"), "DMSO-d6", "CDCl3"),
        (Peak(0.02, note="TMS"), None, "TMS"),
        (Peak(77.2, note="J = 3 Hz"), None, None),
        (Peak(77.0, "T"), "CDCl3", "CDCl3"),
        (Peak(77.0, "D"), "CDCl3", None),
        (Peak(77.0, "T"), None, None),
        (Peak(29.8, "T"), "acetone-d6", None),
        (Peak(128.1, "T"), "C6D6", "C6D6"),
    ],
)
def test_what_is_said_of_a_peak_decides(peak: Peak, solvent: str | None, name: str | None) -> None:
    told = {} if solvent is None else {"solvent": solvent}
    own, foreign = split_foreign_lines(PeakList((peak, Peak(20.1)), told))
    assert [line.name for line in foreign] == ([] if name is None else [name])
    assert len(own) == 2 - len(foreign)


MULTIPLETS = [
    (solvent.name, line)
    for solvent in Carbon13().solvents
    for line in solvent.lines
    if line.n_lines in (3, 5, 7)
]

NEAR = st.sampled_from([line for lines in LINES_PPM.values() for line in lines])
PEAK_LISTS = st.lists(st.floats(-5, 230) | NEAR, min_size=1, max_size=12)


@given(PEAK_LISTS, st.sampled_from([None, *SOLVENTS]))
def test_every_peak_goes_one_way_and_keeps_its_order(
    shifts_ppm: list[float], solvent: str | None
) -> None:
    peaks = tuple(Peak(shift, intensity=k) for k, shift in enumerate(shifts_ppm))
    own, foreign = split_foreign_lines(
        PeakList(peaks, {} if solvent is None else {"solvent": solvent})
    )
    gone = [line.peak for line in foreign]
    for part in (own, gone):
        assert [peak.intensity for peak in part] == sorted(peak.intensity for peak in part)
    assert sorted([*own, *gone], key=lambda peak: peak.intensity) == list(peaks)
    assert {line.name for line in foreign} <= {"TMS", "CDCl3", "DMSO-d6", "CD3OD", solvent}


@given(
    st.sampled_from([*MULTIPLETS, ("CDCl3", SolventLine(0.0))]),
    st.lists(NEAR, max_size=30),
    st.sampled_from(["", "unknown", "CDCl3", "DMSO + CDCl3", "of the lines"]),
)
def test_no_more_peaks_are_foreign_than_solvents_have_lines(
    multiplet: tuple[str, SolventLine], shifts_ppm: list[float], told: str
) -> None:
    name, line = multiplet
    half = line.n_lines // 2
    lines = [line.shift_ppm + k * line.coupling_hz / 100.6 for k in range(-half, half + 1)]
    peaks = PeakList(
        tuple(map(Peak, [*lines, *shifts_ppm])),
        {"solvent": told.replace("of the lines", name)},
    )
    _, foreign = split_foreign_lines(peaks)
    assert len(foreign) <= n_solvent_lines(peaks)


def test_a_line_says_what_it_is() -> None:
    assert str(ForeignLine(Peak(77.16), "CDCl3")) == "77.16 ppm (CDCl3)"


@pytest.mark.parametrize(
    ("mhz", "shifts_ppm"),
    [
        (101, [77.5, 77.2, 76.8]),
        (126, [77.4, 77.2, 76.9]),
        (75, [77.6, 77.2, 76.7]),
        (151, [77.4, 77.2, 77.0]),
        (50, [77.8, 77.2, 76.5]),
        (101, [77.48, 77.16, 76.84]),
    ],
)
def test_a_triplet_is_known_at_the_decimals_it_is_given_to(
    mhz: int, shifts_ppm: list[float]
) -> None:
    peaks = PeakList(
        tuple(map(Peak, [*shifts_ppm, 40.1])), {"solvent": "CDCl3", "frequency_mhz": str(mhz)}
    )
    own, foreign = split_foreign_lines(peaks)
    assert [peak.shift_ppm for peak in own] == [40.1]
    assert not any(line.may_be_own for line in foreign)


@given(
    st.sampled_from(MULTIPLETS),
    st.sampled_from([62.9, 75.5, 100.6, 125.8, 150.9, 201.2]),
    st.sampled_from([1, 2]),
    st.floats(-0.15, 0.15),
)
def test_every_multiplet_of_every_solvent_goes_as_a_whole(
    multiplet: tuple[str, SolventLine], mhz: float, n_decimals: int, offset_ppm: float
) -> None:
    name, line = multiplet
    gap = line.coupling_hz / mhz
    half = line.n_lines // 2
    shifts = [
        round(line.shift_ppm + offset_ppm + k * gap, n_decimals) for k in range(-half, half + 1)
    ]
    if len(set(shifts)) < len(shifts):
        return  # rounded to one another
    own, foreign = split(name, [*shifts, 99.9])
    assert own == [99.9]
    assert len(foreign) == line.n_lines


@pytest.mark.parametrize(
    ("solvent", "shifts_ppm", "doubtful_ppm"),
    [
        ("CDCl3", [77.2, 83.7], [77.2]),
        ("CDCl3", [77.48, 77.16, 76.84], []),
        ("acetone-d6", [206.3, 30.22, 30.03, 29.84, 29.65, 29.46], []),
        ("acetone-d6", [206.3, 29.8], [206.3, 29.8]),
        (None, [77.16], [77.16]),
    ],
)
def test_a_single_line_may_be_the_compounds(
    solvent: str | None, shifts_ppm: list[float], doubtful_ppm: list[float]
) -> None:
    metadata = {} if solvent is None else {"solvent": solvent}
    foreign = split_foreign_lines(PeakList(tuple(map(Peak, shifts_ppm)), metadata))[1]
    assert [line.peak.shift_ppm for line in foreign if line.may_be_own] == doubtful_ppm


@pytest.mark.parametrize("note", ["solvent", "impurity, grease", "reference", "grease"])
def test_what_the_list_says_is_not_the_compounds_is_not(note: str) -> None:
    own, foreign = split_foreign_lines(PeakList((Peak(29.7, note=note), Peak(20.1))))
    assert [peak.shift_ppm for peak in own] == [20.1]
    assert foreign == (ForeignLine(Peak(29.7, note=note), note),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CDCl₃", ("CDCl3",)),
        ("in CDCl3 at 298 K", ("CDCl3",)),
        ("400 MHz, DMSO", ("DMSO-d6",)),
        ("[D6]DMSO", ("DMSO-d6",)),
        ("pyridine-d5", ("pyridine-d5",)),
        ("C5D5N", ("pyridine-d5",)),
        ("1,4-dioxane-d8", ("dioxane-d8",)),
        ("d12-cyclohexane", ("C6D12",)),
        ("DMF-d7", ("DMF-d7",)),
        ("TFA-d", ("CF3CO2D",)),
        ("1,1,2,2-tetrachloroethane-d2", ("C2D2Cl4",)),
        ("chlorobenzene-d5", ("C6D5Cl",)),
        ("CDCl3:CD3OD 9:1", ("CDCl3",)),
        ("nitrobenzene-d5", ("C6D5NO2",)),
    ],
)
def test_all_common_solvents_are_known(text: str, expected: tuple[str, ...]) -> None:
    assert set(expected) <= set(find_solvents(text))
