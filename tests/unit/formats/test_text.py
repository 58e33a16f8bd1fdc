"""Peak lists: the same peaks in every form, round trips, and what is refused."""

import random
import re

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
        ("19F NMR δ -63.1; NMR δ 21.3", 1, "begin with '13C NMR'"),
        ("13C NMR δ 21.3.\n13C NMR δ 14.1.", 2, "give one spectrum"),
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
