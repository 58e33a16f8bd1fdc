"""Peak lists: the same peaks in every form, round trips, and what is refused."""

import random
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import as_peaks, read_peaks
from nmrflow.formats.text_writer import write_peaks
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.solvents import split_foreign_lines

# What forms leave out is tested in test_left_out.py.
pytestmark = pytest.mark.filterwarnings("ignore::nmrflow.formats.left_out.LeftOutWarning")

WIDE = Nucleus(**{**vars(Carbon13()), "max_shift_ppm": 400.0})
MULTIPLICITIES = Carbon13().multiplicities
N_MUTATIONS = 300

LIST = "158.4, 129.4-129.1, 55.3; 21\n-1.5\n"
TABLE = """\
# solvent=CDCl3; nucleus=13C; frequency_mhz=100.6
ppm,intensity,multiplicity,n,atoms
158.4,0.55,S,1,2
129.4-129.1,1.00,,2,"1 4"
55.3,,Q,,
21,-0.3,t,,
-1.5,2e3,CH,1,C-5
"""
PUBLICATION = (
    "13C{1H} NMR (101 MHz, CDCl3) δ 158.4 (C), 129.4–129.1 (2C, m), 55.3 (CH3),\n"
    "21 (d, J = 245.1 Hz), −1.5.\n"
)
CSEARCH = "LINE: 158.4 S\nLINE: 129.4-129.1 U 2.0\nline: 55.3 q\nLINE:21 3.5\nLINE: -1.5 D\n"
FORMS = {"list": LIST, "table": TABLE, "publication": PUBLICATION, "csearch": CSEARCH}
SHIFTS = (158.4, 129.25, 55.3, 21.0, -1.5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text,
        lambda text: text.replace("-", "−"),
        lambda text: text.replace("9.4-1", "9.4–1"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(" ", " \u2009 "),
        lambda text: f"# from a colleague\n\n  # taken twice\n{text}\n\n",
        lambda text: text.rstrip(),
    ],
    ids=[
        "as_is",
        "minus",
        "en_dash",
        "crlf",
        "cr",
        "bom",
        "nbsp",
        "thin_space",
        "comments",
        "no_last_line_end",
    ],
)
def test_every_form_gives_the_same_shifts(form: str, rewrite) -> None:
    assert read_peaks(rewrite(FORMS[form])).shifts_ppm == SHIFTS


@pytest.mark.parametrize(
    "text",
    [
        "158,4 129,4-129,1\t55,3\n21;-1,5",
        "158,4; 129,4 – 129,1; 55,3; 21; -1,5",
        "ppm\n158,4\n129,4–129,1\n55,3\n21\n−1,5",
        "shift;intensity\n158,4;1,0\n129,4-129,1;1e3\n55,3;\n21;0,5\n-1,5;2\n",
        'Delta\tHeight\n158,4\t1,0\n"129,4 - 129,1"\t1\n55,3\t\n21\t0,5\n-1,5\t2\n',
        "13C NMR (100,6 MHz, CDCl3) δ 158,4 (C), 129,4–129,1 (m), 55,3 (d, J = 3,5 Hz), 21, -1,5.",
        "LINE: 158,4\nLINE: 129,4-129,1\nLINE: 55,3 Q 2,5\nLINE: 21\nLINE: −1,5",
    ],
)
def test_decimal_commas(text: str) -> None:
    assert read_peaks(text).shifts_ppm == SHIFTS


@pytest.mark.parametrize(
    ("text", "shifts"),
    [
        ("21.3", (21.3,)),
        ("31,34,23", (31, 34, 23)),
        ("31, 34", (31, 34)),
        ("25.8,21,16.1,22.2", (25.8, 21, 16.1, 22.2)),
        ("31,34.5", (31, 34.5)),
        ("31,34,\n23,50,71", (31, 34, 23, 50, 71)),
        ("31,34 22", (31.34, 22)),
        ("-1,5 -3,5", (-1.5, -3.5)),
        ("+5. .5 1e1", (5, 0.5, 10)),
        ("21.3 21.3, 21.3", (21.3, 21.3, 21.3)),
        ("21.3 ppm; 14.1ppm", (21.3, 14.1)),
        ("21.3 # methyl, 99\n14.1", (21.3, 14.1)),
        ("5.0 -3.0", (5, -3)),
        ("5.0 - 3.0", (4,)),
        ("5.0- 3.0", (4,)),
        ("-3.0--5.0", (-4,)),
    ],
)
def test_plain_lists(text: str, shifts: tuple[float, ...]) -> None:
    assert read_peaks(text).shifts_ppm == shifts


@pytest.mark.parametrize("text", ["31,34", "31,6 22.2", "14,1, 22,7", "31, 34,23", "31,34,"])
def test_a_comma_that_may_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises(SpectrumError, match=r"line 1: '.*' may be one .* write 31\.34 .*'31, 34'"):
        read_peaks(text)


@pytest.mark.parametrize(
    ("info", "multiplicity", "n_carbons", "note"),
    [
        ("C", "S", None, ""),
        ("Cq", "S", None, ""),
        ("CH", "D", None, ""),
        ("CH₂", "T", None, ""),
        ("CH3", "Q", None, ""),
        ("s", "S", None, ""),
        ("Q", "Q", None, ""),
        ("2C", None, 2, ""),
        ("2 C", None, 2, ""),
        ("2×C", None, 2, ""),
        ("×2", None, 2, ""),
        ("2 × CH", "D", 2, ""),
        ("3CH3", "Q", 3, ""),
        ("CH2 x 2", "T", 2, ""),
        ("C, 2C", "S", 2, ""),
        ("CH; d", "D", None, "d"),
        ("d, J = 245.1 Hz", None, None, "d, J = 245.1 Hz"),
        ("d, ²J(C,F) = 21 Hz", None, None, "d, ²J(C,F) = 21 Hz"),
        ("q, 31.5 Hz", None, None, "q, 31.5 Hz"),
        ("CH, d, J = 21,5 Hz, 2C", "D", 2, "d, J = 21,5 Hz"),
        ("C(CH3)3", None, None, "C(CH3)3"),
        ("C-2", None, None, "C-2"),
        ("3", None, None, "3"),
        ("C=O, ester", None, None, "C=O, ester"),
        ("CH, CH2", None, None, "CH, CH2"),
        ("", None, None, ""),
    ],
)
def test_notes_in_brackets(
    info: str, multiplicity: str | None, n_carbons: int | None, note: str
) -> None:
    first, last = read_peaks(f"δ 131.2 ({info}), 21.3").peaks
    assert first.note == note
    assert (first.shift_ppm, first.multiplicity, first.n_carbons) == (
        131.2,
        multiplicity,
        n_carbons,
    )
    assert last == Peak(21.3)


def test_two_brackets_belong_to_one_peak() -> None:
    assert read_peaks("131.2 (CH) (2C), 5").peaks == (Peak(131.2, "D", 2), Peak(5.0))


@pytest.mark.parametrize(
    ("head", "metadata"),
    [
        ("13C NMR", {}),
        ("¹³C-NMR δ", {}),
        ("δ", {}),
        ("δC (ppm) =", {}),
        ("13C NMR (CDCl3): δ/ppm", {"solvent": "CDCl3"}),
        ("13C{1H} NMR (126 MHz, DMSO-d6) δ", {"frequency_mhz": "126", "solvent": "DMSO-d6"}),
        ("¹³C{¹H} NMR (CDCl₃,101 MHz):", {"frequency_mhz": "101", "solvent": "CDCl3"}),
        ("13C NMR (1,4-dioxane-d8)", {"solvent": "1,4-dioxane-d8"}),
        ("δC (100,6MHz; CDCl3)", {"frequency_mhz": "100.6", "solvent": "CDCl3"}),
        (
            "C-13 NMR (298 K, 101 MHz, acetone‑d6, TMS, δ in ppm) d",
            {"frequency_mhz": "101", "solvent": "acetone-d6", "conditions": "298 K, TMS"},
        ),
    ],
)
def test_heads_of_publications(head: str, metadata: dict[str, str]) -> None:
    peaks = read_peaks(f"{head} 131.2 (CH), 21.3 and 14.1 ppm.")
    assert peaks.shifts_ppm == (131.2, 21.3, 14.1)
    assert peaks.metadata == metadata


def test_tables_keep_everything() -> None:
    peaks = read_peaks(TABLE)
    assert peaks.metadata == {"solvent": "CDCl3", "nucleus": "13C", "frequency_mhz": "100.6"}
    assert peaks.peaks == (
        Peak(158.4, "S", 1, 0.55, atoms=("2",)),
        Peak(129.25, None, 2, 1.0, 0.15, ("1", "4")),
        Peak(55.3, "Q"),
        Peak(21.0, "T", None, -0.3),
        Peak(-1.5, "D", 1, 2000.0, atoms=("C-5",)),
    )


@pytest.mark.parametrize(
    "header",
    [
        "intensity,PPM",
        "Intensity, Shift (ppm)",
        "height,δ [ppm],",
        '"count","Chemical shift"',
        "# intensity, ppm",
        "n;delta",
        "mult\tδ/ppm",
    ],
)
def test_headers(header: str) -> None:
    delimiter = next(mark for mark in "\t;," if mark in header)
    assert read_peaks(f"\n{header}\n{delimiter}25.1\n\n").peaks == (Peak(25.1),)


def test_csearch_codes() -> None:
    text = "".join(f"LINE: 50 {code}\n" for code in "SDTQsdtqUOEPuoep")
    found = [peak.multiplicity for peak in read_peaks(text).peaks]
    assert found == [*"SDTQSDTQ", *[None] * 8]


@pytest.mark.parametrize(
    "text",
    [
        "137.9\t55\n129.1\t100\n",
        "137.9,0.55\n129.1,1\n\n",
        "137,9;55\n129,1;100\n",
        "# picked\n1 137.9\n2 129.1",
        "1. 137.9\n2. 129.1",
        "137.9, 55\n129.1, 100",
    ],
)
def test_columns_without_a_header_are_no_list(text: str) -> None:
    with pytest.raises(SpectrumError, match="a shift and something else; put a header"):
        read_peaks(text)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("137.9 129.1", 2),
        ("137.9, 129.1,\n128.3, 125.3", 4),
        ("137.9 129.1\n128.3", 3),
        ("137,9\n129,1\n", 2),
        ("137.9 (C)\n129.1 (CH)", 2),
        ("128.5-128.3\n21.3-21.1", 2),
    ],
)
def test_lists_over_lines(text: str, n: int) -> None:
    assert len(read_peaks(text).peaks) == n


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "holds no shift"),
        ("\ufeff\r\n \r\n", 3, "holds no shift"),
        ("# ppm\n# solvent=CDCl3", 2, "holds no shift"),
        ("13C NMR (101 MHz, CDCl3) δ", 1, "holds no shift"),
        ("21.3\rnan", 2, "'nan' is not a shift"),
        ("21.3\r\n1٣.1", 2, "is not a shift"),
        ("21.3, 63.4D", 1, "notes in brackets behind"),
        ("158.4.131", 1, "is not a shift"),
        ("129.4 - 129.1.5", 1, "is not a shift"),
        ("31 . 34", 1, "'.' is not a shift"),
        ("21.3\n\n300.5", 3, "outside -20 to 260"),
        ("21.3\n-20.5", 2, "outside -20 to 260"),
        ("1e999", 1, "not a finite number"),
        ("158.4 - 131.2", 1, "separate two shifts by a comma"),
        ("21.3,\n158.4–131.2–55.3", 2, "is not a shift"),
        ("162.3 d, J = 245.1 Hz, 115", 1, "'d' is not a shift"),
        ("(CH) 131.2, (CH3) 21.3", 1, "put notes behind shifts"),
        ("δ 131.2 (CH,\n21.3 (CH3)", 1, "close or remove it"),
        ("δ 131.2 (CH),\n21.3 CH3)", 2, "'CH3' is not a shift"),
        ("131.2,\n21.3)", 2, "close or remove it"),
        ("1H NMR (400 MHz) δ 7.26", 1, "begin with '13C NMR'"),
        ("7.26 (s, 5H), 2.3 (3H, s)", 1, "'s, 5H' counts hydrogens"),
        ("19F NMR δ -63.1; NMR δ 21.3", 1, "begin with '13C NMR'"),
        ("13C NMR δ 21.3.\n13C NMR δ 14.1.", 2, "lines 1 and 2: keep the one that you mean"),
        ("# nucleus=1H\n7.26", 1, "give a 13C peak list"),
        ("ppm,n\n21.3,1\n14.1,0", 3, "'0' is no number of carbons"),
        ("ppm,n\n21.3,1.5", 2, "number of carbons"),
        ("ppm,intensity\n21.3,1\n14.1,high", 3, "'high' is no intensity"),
        ("ppm,intensity\n21.3,1e999", 2, "no intensity"),
        ("ppm,intensity\n21.3,nan", 2, "no intensity"),
        ("ppm,mult\n21.3,x", 2, "give S, D, T, Q or nothing"),
        ("ppm,mult\n21.3,SD", 2, "give S, D, T, Q or nothing"),
        ("ppm,n,shift\n21.3,1,2", 1, "is there twice"),
        ("ppm,intensity\n25,1,1,0", 2, "a decimal comma needs ;"),
        ("ppm,n,\n25,1,7", 2, "under no column"),
        ("ppm;intensity\n25.1;1,234", 2, "write points"),
        ("ppm,n\n,1", 2, "'' is not a shift"),
        ("ppm,n\n\n21.3 5,1", 3, "is not a shift"),
        ("ppm,n\n300,1", 2, "outside -20 to 260"),
        ('ppm,n\n21.3,"1', 2, "check quotes"),
        ("ppm,n\n# nothing\n", 3, "add rows"),
        ("LINE: 21.3\nLINE: 14.1 D 5.5", 2, "deviation of 1 to 5 ppm"),
        ("LINE: 21.3 0.9", 1, "deviation of 1 to 5 ppm"),
        ("LINE: 21.3 D 2.0 3.0", 1, "write 'LINE: 63.4 D 2.0'"),
        ("LINE: 21.3 2.0 D", 1, "write 'LINE: 63.4 D 2.0'"),
        ("LINE: 21.3 M", 1, "S D T Q U O E P"),
        ("LINE: 21.3\n14.1", 2, "'14.1' is no CSEARCH line"),
        ("LINE: 21.3\nLINE:", 2, "is no CSEARCH line"),
        ("LINE: 21.3\n\nLINE: -399", 3, "outside -20 to 260"),
    ],
)
def test_junk_is_refused_by_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(SpectrumError) as refusal:
        read_peaks(text)
    message = str(refusal.value)
    assert message.startswith(f"line {line}: '")
    assert reason in message
    assert "; " in message


@pytest.mark.parametrize(
    ("form", "gap"),
    [
        ("list", r"[ ,;\n]"),
        ("table", r","),  # the last column holds labels, which may be any
        ("publication", r" (?![^(]*\))|$"),  # in brackets are notes, which may be any
        ("csearch", r"[ \n]"),
    ],
)
def test_no_foreign_word_is_dropped(form: str, gap: str) -> None:
    text = FORMS[form].partition("\n")[2] if form == "table" else FORMS[form]
    rows = text.index("\n") if form == "table" else 0  # a foreign column is passed over and said
    gaps = [match.start() for match in re.finditer(gap, text) if match.start() >= rows]
    assert len(gaps) >= 6
    for start in gaps:
        with pytest.raises(SpectrumError, match=r"line \d"):
            read_peaks(f"{text[:start]} foo{text[start:]}")


def test_what_is_shown_of_a_long_line_is_short() -> None:
    with pytest.raises(SpectrumError) as refusal:
        read_peaks("9" * 100_000)
    assert len(str(refusal.value)) < 300


def test_a_spectrum_may_be_given_in_three_forms() -> None:
    expected = PeakList((Peak(63.4), Peak(25.1)))
    for asked in ("63.4, 25.1", [63.4, 25.1], np.array([63.4, 25.1]), expected):
        assert as_peaks(asked) == expected
    for wrong in ("325.1", [25.1, 325.1], PeakList((Peak(325.1),))):
        with pytest.raises(SpectrumError, match="outside -20 to 260"):
            as_peaks(wrong)
    with pytest.raises(SpectrumError, match="at least one"):
        as_peaks([])


def test_another_axis_has_its_own_range() -> None:
    axis = ShiftAxis(nucleus=WIDE)
    assert read_peaks("300.5", axis).shifts_ppm == (300.5,)
    assert read_peaks("LINE: 300.5", axis).shifts_ppm == (300.5,)
    assert read_peaks("ppm,n\n300.5,1", axis).shifts_ppm == (300.5,)


def test_a_peak_list_is_not_empty_and_its_form_is_known() -> None:
    with pytest.raises(SpectrumError, match="at least one peak"):
        PeakList(())
    with pytest.raises(SpectrumError, match=r"'csv'.* list, table, publication, csearch"):
        write_peaks(PeakList((Peak(21.3),)), "csv")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("list", "158.4, 129.25, 21.0\n"),
        (
            "table",
            "# solvent=CDCl3; frequency_mhz=101\nppm,intensity,multiplicity,n,note\n"
            '158.4,,,,"d, J = 3 Hz"\n129.4–129.1,,CH,2,\n21.0,0.5,CH3,,\n',
        ),
        (
            "publication",
            "13C NMR (101 MHz, CDCl3) δ 158.4 (d, J = 3 Hz), 129.4–129.1 (CH, 2C), 21.0 (CH3).\n",
        ),
        ("csearch", "LINE: 158.4\nLINE: 129.25 D\nLINE: 21.0 Q\n"),
    ],
)
def test_written_by_hand(form: str, text: str) -> None:
    peaks = (
        Peak(158.4, note="d, J = 3 Hz"),
        Peak(129.25, "D", 2, half_width_ppm=0.15),
        Peak(21.0, "Q", intensity=0.5),
    )
    metadata = {"solvent": "CDCl3", "frequency_mhz": "101"}
    assert write_peaks(PeakList(peaks, metadata), form) == text


millionths = st.integers(-14_000_000, 254_000_000).map(lambda number: round(number / 1e6, 6))
plain_peaks = st.builds(Peak, st.floats(-20, 260), st.sampled_from([None, *MULTIPLICITIES]))
noted_peaks = st.builds(
    Peak,
    millionths,
    st.sampled_from([None, *MULTIPLICITIES]),
    st.none() | st.integers(1, 99),
    half_width_ppm=st.sampled_from([0.0, 0.000001, 0.15, 2.5, 4.999999]),
    note=st.sampled_from(["", "m", "d, J = 245.1 Hz", "C-2'", "C(CH3)3", "α or β"]),
)
metadata = st.fixed_dictionaries(
    {},
    optional={
        "frequency_mhz": st.sampled_from(["101", "100.62"]),
        "solvent": st.sampled_from(["CDCl3", "DMSO-d6", "CDCl3/CD3OD 9:1"]),
        "conditions": st.just("298 K"),
    },
)


def peak_lists(peaks: st.SearchStrategy[Peak]) -> st.SearchStrategy[PeakList]:
    return st.builds(PeakList, st.lists(peaks, min_size=1, max_size=12).map(tuple), metadata)


@given(peak_lists(plain_peaks | noted_peaks))
def test_lists_are_read_as_written(peaks: PeakList) -> None:
    assert read_peaks(write_peaks(peaks, "list")).shifts_ppm == peaks.shifts_ppm


@given(peak_lists(plain_peaks | noted_peaks))
def test_csearch_lines_are_read_as_written(peaks: PeakList) -> None:
    kept = tuple(Peak(peak.shift_ppm, peak.multiplicity) for peak in peaks.peaks)
    assert read_peaks(write_peaks(peaks, "csearch")).peaks == kept


@given(peak_lists(plain_peaks | noted_peaks))
def test_publications_are_read_as_written(peaks: PeakList) -> None:
    assert read_peaks(write_peaks(peaks, "publication")) == peaks


@given(peak_lists(plain_peaks | noted_peaks), st.data())
def test_tables_are_read_as_written(peaks: PeakList, data: st.DataObject) -> None:
    intensity = st.none() | st.floats(allow_nan=False, allow_infinity=False)
    atoms = st.lists(st.sampled_from(["1", "17", "C-2'", '"a"', "#3"]), max_size=3).map(tuple)
    full = tuple(
        Peak(
            peak.shift_ppm,
            peak.multiplicity,
            peak.n_carbons,
            data.draw(intensity),
            peak.half_width_ppm,
            data.draw(atoms),
            peak.note,
        )
        for peak in peaks.peaks
    )
    peaks = PeakList(full, {**peaks.metadata, "operator": "A. N. Other"})
    assert read_peaks(write_peaks(peaks, "table")) == peaks


def test_a_note_with_half_a_bracket_does_not_spoil_a_publication() -> None:
    text = write_peaks(PeakList((Peak(21.3, note="see 4)"), Peak(14.1))), "publication")
    assert read_peaks(text).shifts_ppm == (21.3, 14.1)


def _is_read(text: str) -> bool:
    """Whether it is read, and not refused; anything else is an error."""
    try:
        peaks = read_peaks(text)
    except SpectrumError:
        return False
    for shift_ppm in peaks.shifts_ppm:
        ShiftAxis().check_shift(shift_ppm)
    return True


def test_mutated_texts_are_read_or_refused() -> None:
    rng = random.Random(0)
    foreign = "\x00\x0b\x1c\x85\u2028\ufeff\ud800\"'#=;,.\t\n\r ()[]{}-–+eEδ¹₂٣½×ªJHzN"
    read = 0
    for _ in range(N_MUTATIONS):
        text = rng.choice(list(FORMS.values()))
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            start = rng.randrange(len(text) + 1)
            stop = start + rng.choice([0, 0, 1, 1, 8])
            other = rng.choice([rng.choice(foreign), "", text[:9], chr(rng.randrange(0x3000))])
            text = text[:start] + other + text[stop:]
        if rng.random() < 0.3:
            damaged = bytearray(text.encode("utf-8", "replace"))
            for _ in range(3):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            text = damaged.decode("utf-8", "replace")
        read += _is_read(text)
    assert 0 < read < N_MUTATIONS


@settings(max_examples=50)
@given(st.text() | st.text("0123456789.,;-()\t\n #ppmnLINE:δCHNMR", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    _is_read(text)


# As people paste it.

SIX = (146.0, 109.8, 40.1, 22.4, 20.9, 13.8)


@pytest.mark.parametrize(
    "text",
    [
        "13C NMR （100 MHz，CDCl3） δ：146.0，109.8，40.1，22.4，20.9，13.8。",
        "146.0、109.8、40.1、22.4、20.9、13.8",
        "１４６．０， １０９．８， 40.1; 22.4； 20.9 13.8",
        "<sup>13</sup>C NMR (CDCl<sub>3</sub>) &delta; 146.0<sup>a</sup>, 109.8, 40.1&nbsp;"
        "(CH<sub>2</sub>), 22.4, 20.9, 13.8",
        "**^13^C NMR** (101 MHz, CDCl~3~) δ 146.0, 109.8*, 40.1, 22.4†, 20.9, 13.8ᵃ",
        r"$^{13}$C NMR (101~MHz, CDCl$_3$) $\delta$ 146.0, 109.8, 40.1, 22.4, 20.9, 13.8",
        "13C NMR (CDCl3)  146.0¹, 109·8, 40.1b, 22.4, 20.9, 13.8. (one line is broad)",
        "146.1~145.9, 109.8, 40.2 ～ 40.0, 22.4, 20.9, 13.8",
    ],
)
def test_typography(text: str) -> None:
    assert read_peaks(text).shifts_ppm == SIX


def test_marks_of_footnotes_are_notes() -> None:
    peaks = read_peaks("146.0¹, 109.8*, 40.1 (CH2), 22.4a").peaks
    assert [peak.note for peak in peaks] == ["¹", "*", "", "a"]
    with pytest.raises(SpectrumError, match="is not a shift"):
        read_peaks("146。0, 109.8")


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("128.5 (2x)", 2),
        ("128.5 (x2)", 2),
        ("128.5 (4×)", 4),
        ("128.5 (2 × CH)", 2),
        ("128.5 (2 x ArC)", 2),
        ("128.5 (2 carbons)", 2),
        ("128.5 [2C]", 2),
        ("128.5 x 2", 2),
        ("128.5×2", 2),
        ("128.5 2C", 2),
        ("128.5 2x", 2),
        ("2 × 128.5", 2),
        ("128.5 (C-2/C-6)", 2),
        ("128.5 (C-2, C-6)", 2),
        ("128.5 (C-2,6)", 2),
        ("128.5 (C-2', C-6', 2C)", 2),
        ("128.5 (C-2 or C-6)", None),
        ("128.5 (d, J = 2 x 3 Hz)", None),
    ],
)
def test_counts_in_every_form(text: str, n: int | None) -> None:
    first, last = read_peaks(f"{text}, 21.3").peaks
    assert (first.shift_ppm, first.n_carbons, last) == (128.5, n, Peak(21.3))


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("146.0 (s), 109.8 (s), 40.1 (s)", [None] * 3),
        ("13C NMR (101 MHz, CDCl3) δ 146.0 (s), 77.2 (t), 40.1 (s)", [None, "T", None]),
        ("162.3 (d, J = 245 Hz), 130.1 (s), 115.0 (d)", [None] * 3),
        ("ppm,class\n146.0,s\n109.8,s", [None] * 2),
        ("ppm,multiplicity\n146.0,C\n109.8,C", ["S"] * 2),
        ("146.0 (C), 109.8 (C)", ["S"] * 2),
        ("146.0 (s), 109.8 (t), 13.8 (q)", ["S", "T", "Q"]),
        ("146.0 (s), 109.8, 40.1", ["S", None, None]),
        ("LINE: 146.0 S\nLINE: 109.8 S", ["S"] * 2),
    ],
)
def test_letters_that_say_nothing_are_notes(text: str, letters: list[str | None]) -> None:
    peaks = read_peaks(text)
    found = [None if peak.note else peak.multiplicity for peak in peaks.peaks]
    assert [f if told is None or f else told for f, told in zip(found, letters, strict=True)] == (
        letters
    )
    is_idle = any("do not tell hydrogens" in remark for remark in peaks.remarks)
    assert is_idle == (letters.count(None) > 1 and "109.8, 40.1" not in text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Oil. 13C NMR δ 21.3, 14.1.", "'Oil.'"),
        (
            "1H NMR (400 MHz) δ 7.26 (s, 1H), 1.2; 13C NMR (101 MHz) δ 21.3, 14.1",
            "1H NMR (line 1)",
        ),
        ("δH 7.26 (s), 1.2\nδC (101 MHz, CDCl3) 21.3, 14.1", "δH (line 1)"),
        ("13C NMR δ 21.3, 14.1.\n19F NMR δ -63.1.", "19F NMR (line 2)"),
        ("13C NMR δ 21.3, 14.1; HRMS (ESI) m/z calcd 107.0855, found 107.0850.", "HRMS"),
        ("13C NMR δ 21.3, 14.1. IR (neat) 2950, 1450 cm-1; mp 81.2 °C", "IR (line 1)"),
        ("13C NMR δ 21.3, 14.1.\nDEPT-135 δ 14.1 (CH3)", "DEPT-135 (line 2)"),
        ("13C DEPT135 NMR δ 14.1. 13C NMR (CDCl3) δ 21.3, 14.1", "13C DEPT135 NMR (line 1)"),
        ("13C NMR (CDCl3, DEPT 90) δ 14.1. 13C NMR (CDCl3) δ 21.3, 14.1", "13C NMR (line 1)"),
        ("13C{1H} NMR (CDCl3): δC 21.3, 14.1. HSQC: 21.3/2.3", "HSQC"),
    ],
)
def test_other_sections_are_passed_over_and_said(text: str, said: str) -> None:
    peaks = read_peaks(text)
    assert peaks.shifts_ppm == (21.3, 14.1)
    assert said in "; ".join(peaks.remarks)


@pytest.mark.parametrize("text", ["DEPT-135 13C NMR δ 14.1", "13C NMR (DEPT-135) δ 14.1, 12.0"])
def test_a_dept_alone_is_refused(text: str) -> None:
    with pytest.raises(SpectrumError, match="begin with '13C NMR'"):
        read_peaks(text)


MNOVA = (
    "\tppm\tIntensity\tWidth\tArea\tType\tFlags\tImpurity/Compound\tAnnotation\n"
    "1\t146.02\t18.3\t1.44\t66.2\tCompound\tNone\t\t\n"
    "2\t77.16\t12.4\t1.26\t99.1\tSolvent\tNone\tCDCl3\t\n"
    "3\t29.70\t1.6\t1.44\t3.7\tImpurity\tNone\tgrease\t\n"
    "4\t13.80\t25.6\t1.44\t143.7\tCompound\tNone\t\tmethyl\n"
)


def test_the_peak_table_of_mestrenova() -> None:
    peaks = read_peaks(MNOVA)
    assert peaks.peaks == (
        Peak(146.02, intensity=18.3),
        Peak(77.16, intensity=12.4, note="solvent, CDCl3"),
        Peak(29.7, intensity=1.6, note="impurity, grease"),
        Peak(13.8, intensity=25.6, note="methyl"),
    )
    assert peaks.remarks == ("columns that are not read: Width, Area, Flags",)
    own, foreign = split_foreign_lines(peaks)
    assert [peak.shift_ppm for peak in own] == [146.02, 13.8]
    assert [line.name for line in foreign] == ["CDCl3", "impurity, grease"]


@pytest.mark.parametrize(
    ("text", "peaks"),
    [
        (
            "Peak\tν(F1) [ppm]\tν(F1) [Hz]\tIntensity [abs]\tIntensity [rel]\tAnnotation\t\n"
            "1\t146.0230\t14690.1\t420.0\t0.42\t\t\n2\t13.8\t1388.3\t910\t0.91\tMe\t\n",
            (Peak(146.023, intensity=420.0), Peak(13.8, intensity=910.0, note="Me")),
        ),
        (
            "No.\t(ppm)\t(Hz)\tHeight\n1\t146.02\t14690.1\t0.42\n2\t13.8\t1388.3\t0.9\n",
            (Peak(146.02, intensity=0.42), Peak(13.8, intensity=0.9)),
        ),
        (
            "Position,δC,Type,δH\n1,13.8,CH3,0.90 t\n2/6,128.5,CH,7.2\n4,146.0,C,\nNH,,,5.3\n",
            (
                Peak(13.8, "Q", atoms=("1",)),
                Peak(128.5, "D", 2, atoms=("2", "6")),
                Peak(146.0, "S", atoms=("4",)),
            ),
        ),
        (
            "No.\tδ_C, type\tδ_H\n1\t13.8, CH3\t0.9\n2\t146.0 (C)\t\n3\t20.9\t1.4\n",
            (
                Peak(13.8, "Q", atoms=("1",)),
                Peak(146.0, "S", atoms=("2",)),
                Peak(20.9, atoms=("3",)),
            ),
        ),
        (
            "| carbon | 13C (ppm) | carbon type |\n|---|---:|---|\n| 1 | 13.8 | CH3 |\n"
            "| 2 | 146.0 | C |\n",
            (Peak(13.8, "Q", atoms=("1",)), Peak(146.0, "S", atoms=("2",))),
        ),
        (
            "<table><tr><th>Atom</th><th>&delta;<sub>C</sub></th></tr>"
            "<tr><td>1</td><td>13.8</td></tr><tr><td>2</td><td>146.0</td></tr></table>",
            (Peak(13.8, atoms=("1",)), Peak(146.0, atoms=("2",))),
        ),
        (
            "Name\tShift\tRange\tH's\tIntegral\tClass\tJ's\nA\t146.0\t146.1..145.9\t1\t1.0\ts\t\n"
            "B\t13.8\t13.9..13.7\t1\t1.0\ts\t\n",
            (Peak(146.0, note="s"), Peak(13.8, note="s")),
        ),
        (
            "Table 1. Carbon data\n\nPeak  ppm  Intensity\n",
            None,
        ),
        (
            "13C peaks in CDCl3\nPeak\tppm\tIntensity\n1\t146.0\t3\n2\t13.8\t4\n",
            (Peak(146.0, intensity=3.0), Peak(13.8, intensity=4.0)),
        ),
        (
            "Peak ppm Height\n1 146.0 3\n2 13.8 4\n",
            (Peak(146.0, intensity=3.0), Peak(13.8, intensity=4.0)),
        ),
        (
            "    #   ADDRESS  FREQUENCY         INTENSITY\n                [Hz]      [PPM]\n"
            "    1   9438.7  14690.1  146.0  4.39\n    2  20000.0  1388.3   13.8  5.1\n",
            (Peak(146.0, intensity=4.39), Peak(13.8, intensity=5.1)),
        ),
        ("1 146.0 1250.3\n2 109.8 4010\n3 40.1 4400\n", (Peak(146.0), Peak(109.8), Peak(40.1))),
        ("146.0\t12503\n13.8\t40100\n", (Peak(146.0), Peak(13.8))),
        ("146.0 109.8 40.1\n22.4 20.9 13.8\n", tuple(map(Peak, SIX))),
    ],
)
def test_tables_of_programs_and_papers(text: str, peaks: tuple[Peak, ...] | None) -> None:
    if peaks is None:
        with pytest.raises(SpectrumError):
            read_peaks(text)
    else:
        assert read_peaks(text).peaks == peaks


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 146.0 12.5\n2 109.8 40.1\n3 40.1 44.0\n", "put a header"),
        ("146.0 9 0.5\n13.8 8 0.7", "put a header"),
        ("1 1250.3\n2 980.1\n3 44.2", "put a header"),
        ("Peak\tν(F2) [ppm]\tν(F1) [ppm]\n1\t7.5\t133.4\n", "is of a 2D spectrum"),
        ("δC\tδC\n146.0\t145.8\n", "is there twice"),
        ("ppm,multiplicity\n21.3 foo,S", "is not a shift"),
        ("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><PeakList/>", "no PeakList"),
        ("<?xml version='1.0'?><html/>", "no PeakList of TopSpin"),
        ("<PeakList><PeakList2D><Peak2D F1='1' F2='2'/></PeakList2D></PeakList>", "2D spectrum"),
        ("<PeakList><PeakList1D><Peak1D F1='x'/></PeakList1D></PeakList>", "'x' is not a shift"),
        ("<PeakList><PeakList1D>", "the XML is damaged"),
        ("<PeakList></PeakList>", "holds no peak"),
    ],
)
def test_tables_that_may_mean_two_things_are_refused(text: str, reason: str) -> None:
    with pytest.raises(SpectrumError, match=reason):
        read_peaks(text)


def test_the_peak_list_of_topspin() -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<PeakList modified="2020-01-01">\n<PeakList1D>\n'
        '<PeakList1DHeader creator="nmr" name="x"/>\n'
        '<Peak1D F1="139.203836" intensity="1.718474e+00" type="0"/></PeakList1D>\n<PeakList1D>'
        '<Peak1D F1="22.316289" intensity="4.9" annotation="CH2"/></PeakList1D></PeakList>'
    )
    peaks = read_peaks(text)
    assert peaks.peaks == (
        Peak(139.203836, intensity=1.718474),
        Peak(22.316289, intensity=4.9, note="CH2"),
    )
    assert "does not tell its nucleus" in peaks.remarks[0]


def test_the_solvent_is_found_among_the_conditions() -> None:
    assert read_peaks("# Solvent: C6D6\n21.3").metadata == {"solvent": "C6D6"}
    assert read_peaks("# SOLVENT=C6D6; b=c\n21.3").metadata == {"solvent": "C6D6", "b": "c"}
    for head in ("101 MHz, rt, TMS, CDCl3", "CDCl3, 101 MHz", "298 K, CDCl3, 101 MHz"):
        assert read_peaks(f"13C NMR ({head}) δ 21.3").metadata["solvent"] == "CDCl3"


@given(
    st.lists(
        st.builds(
            Peak,
            millionths,
            st.sampled_from([None, *MULTIPLICITIES]),
            st.none() | st.integers(1, 999),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from([0.0, 0.15, 2.5]),
            st.lists(st.from_regex(r"[^\s,;\x00-\x1f\x7f-\x9f]{1,6}", fullmatch=True)).map(tuple),
            st.text(st.characters(categories=("L", "N", "P", "S"))).map(
                lambda note: " ".join(note.split())
            ),
        ),
        min_size=1,
        max_size=6,
    ),
    st.dictionaries(
        st.sampled_from(["solvent", "conditions", "operator"]),
        st.text(
            st.characters(categories=("L", "N", "P", "S"), exclude_characters=";"), min_size=1
        ),
    ),
)
def test_tables_keep_whatever_a_peak_says(peaks: list[Peak], told: dict[str, str]) -> None:
    written = PeakList(tuple(peaks), told)
    assert read_peaks(write_peaks(written, "table")) == written


NITROGEN = Nucleus(
    **{
        **vars(Carbon13()),
        **{"mass": 15, "element": "N", "noun": "nitrogen", "min_shift_ppm": -400.0},
        **{"multiplicities": ("S", "D", "T"), "solvents": ()},
    }
)
FLUORINE = Nucleus(**{**vars(NITROGEN), "mass": 19, "element": "F", "multiplicities": ()})


@pytest.mark.parametrize("nucleus", [NITROGEN, FLUORINE])
@given(st.data())
def test_forms_keep_what_they_say_of_other_nuclei(nucleus: Nucleus, data: st.DataObject) -> None:
    letters = st.sampled_from([None, *nucleus.multiplicities])
    some = st.builds(
        Peak,
        st.integers(-394_000_000, 254_000_000).map(lambda number: round(number / 1e6, 6)),
        letters,
        st.none() | st.integers(1, 99),
        half_width_ppm=st.sampled_from([0.0, 0.000001, 0.15, 4.999999]),
        note=st.sampled_from(["", "m", "d, J = 245.1 Hz", "C(CH3)3"]),
    )
    peaks, axis = data.draw(peak_lists(some)), ShiftAxis(nucleus=nucleus)
    for form in ("publication", "table"):
        assert read_peaks(write_peaks(peaks, form, nucleus), axis) == peaks
    kept = tuple(Peak(peak.shift_ppm, peak.multiplicity) for peak in peaks.peaks)
    assert read_peaks(write_peaks(peaks, "csearch", nucleus), axis).peaks == kept
    assert read_peaks(write_peaks(peaks, "list", nucleus), axis).shifts_ppm == peaks.shifts_ppm


@pytest.mark.parametrize("nucleus", [NITROGEN, FLUORINE])
def test_tables_of_other_nuclei_are_read_as_written(nucleus: Nucleus) -> None:
    letters = [*nucleus.multiplicities, None]
    peaks = tuple(
        Peak(-63.5 - k, letter, k + 1, 0.5, k / 4, (f"{nucleus.element}{k}",), "d, J = 3 Hz")
        for k, letter in enumerate(letters)
    )
    written = PeakList(peaks, {"solvent": "C6D6", "nucleus": nucleus.name})
    text = write_peaks(written, "table", nucleus)
    assert read_peaks(text, ShiftAxis(nucleus=nucleus)) == written
    text = write_peaks(written, "publication", nucleus)
    kept = tuple(replace(peak, intensity=None, atoms=()) for peak in peaks)
    assert read_peaks(text, ShiftAxis(nucleus=nucleus)).peaks == kept
