"""JCAMP-DX peak tables: the same peaks in every layout, round trips, and what is refused."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.errors import SpectrumError
from nmrflow.formats.jcamp import read_jcamp, write_jcamp
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

WIDE = Nucleus(**{**vars(Carbon13()), "max_shift_ppm": 400.0})

N_MUTATIONS = 300

HEAD = """\
##TITLE= invented
##JCAMP-DX= 5.01 $$ by hand
##DATA TYPE= NMR PEAK TABLE
##.OBSERVE FREQUENCY= 100.61
##.OBSERVE NUCLEUS= ^13C
##.SOLVENT NAME= CDCl3
##XUNITS= PPM
##YUNITS= ARBITRARY UNITS
##NPOINTS= 3
"""
TABLE = "##PEAK TABLE= (XY..XY)\n63.4, 0.55\n25.1, 1.00\n-1.5, -2\n##END=\n"
TEXT = HEAD + TABLE
PEAKS = (Peak(63.4, intensity=0.55), Peak(25.1, intensity=1.0), Peak(-1.5, intensity=-2.0))
METADATA = {"title": "invented", "frequency_mhz": "100.61", "solvent": "CDCl3"}


def with_table(table: str, head: str = HEAD) -> str:
    return f"{head}{table}\n##END=\n"


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "\ufeff" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.rstrip().removesuffix("##END="),
        TEXT.replace("PEAK TABLE", "PeakTable").replace(".OBSERVE NUCLEUS", ".Observe_Nucleus"),
        TEXT.replace("##XUNITS", "##X-UNITS").replace("##DATA TYPE", "  ##data/type"),
        TEXT.replace("^13C", "13C"),
        TEXT.replace("##.OBSERVE NUCLEUS= ^13C\n", ""),
        TEXT.replace("##NPOINTS= 3\n", ""),
        TEXT.replace("##DATA TYPE", "##= remark\n$$ and more, 1, 2\n##DATA TYPE"),
        TEXT.replace("25.1, 1.00", "$$ 99.9, 1\n\n25.1 ,1.00 $$ methyl, 7"),
        with_table("##PEAK TABLE= (XY..XY)\n63.4,0.55 25.1,1.00; -1.5,-2"),
        with_table("##PEAK TABLE=(X Y .. X Y) 63.4, 0.55; 25.1, 1.00\n-1.5, -2;"),
        with_table("##PEAK TABLE= (xy..xy)\n+6.34e1 .55\n25.1 1. -1.5 -2"),
        with_table("##PEAK TABLE= (XYW..XYW)\n63.4, 0.55, 2 25.1, 1.00, 2\n-1.5, -2, 1e1"),
        with_table("##PEAK TABLE= (XYM)\n63.4, 0.55, S\n25.1, 1.00, Q\n-1.5, -2"),
        with_table("##PEAK TABLE= (XYM..)\n63.4, 0.55, S; 25.1, 1.00, Q\n-1.5, -2, <dd>"),
    ],
)
def test_every_layout_gives_the_same_peaks(text: str) -> None:
    peaks = read_jcamp(text)
    assert peaks.peaks == PEAKS
    assert peaks.metadata == METADATA


def test_hertz_are_divided_by_the_frequency() -> None:
    text = TEXT.replace("PPM", "HZ").replace("63.4,", "10061,").replace("25.1,", "2012.2,")
    assert read_jcamp(text).shifts_ppm == pytest.approx((100.0, 20.0, -1.5 / 100.61))


def test_the_carbon_block_of_several_is_read() -> None:
    proton = with_table("##PEAK TABLE= (XY..XY)\n7.26, 1\n1.2, 1\n3, 1").replace("^13C", "^1H")
    linked = f"##TITLE= all\n##DATA TYPE= LINK\n##BLOCKS= 3\n{proton}{TEXT}##END=\n"
    assert read_jcamp(linked).peaks == PEAKS
    with_points = "##TITLE= points\n##XYDATA= (X++(Y..Y))\n1 2 3\n##END=\n" + TEXT
    assert read_jcamp(with_points).peaks == PEAKS


def test_another_axis_has_its_own_range() -> None:
    text = TEXT.replace("63.4", "300.5")
    assert read_jcamp(text, ShiftAxis(nucleus=WIDE)).shifts_ppm[0] == 300.5


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "no JCAMP-DX records"),
        ("63.4, 25.1\n", 1, "no JCAMP-DX records"),
        (HEAD, 1, "no peak table"),
        (HEAD + "##XYDATA= (X++(Y..Y))\n20000 0 1 0\n", 10, "pick its peaks"),
        (HEAD + "##NTUPLES= NMR SPECTRUM\n##DATA TABLE= (X++(R..R))\n", 10, "pick its peaks"),
        (HEAD + "##DATA TABLE= (X++(R..R)), XYDATA\n", 10, "export them as a peak table"),
        (TEXT.replace("^13C", "^1H"), 5, "'^1H' is not 13C"),
        (TEXT.replace("NMR PEAK", "MASS PEAK"), 3, "is no NMR data"),
        (TEXT.replace("PPM", "HZ").replace("##.OBSERVE F", "##.F"), 10, "no frequency is told"),
        (TEXT.replace("PPM", "HZ").replace("100.61", "0"), 10, "no frequency is told"),
        (TEXT.replace("PPM", "HZ").replace("100.61", "1E-999"), 10, "no frequency is told"),
        (TEXT.replace("PPM", "M/Z"), 7, "'M/Z' is no unit of a chemical shift"),
        (TEXT.replace("##XUNITS= PPM\n", ""), 9, "has no unit"),
        (TEXT.replace("YUNITS= ARBITRARY UNITS", "YFACTOR= 0.5"), 8, "other than 1"),
        (TEXT.replace("(XY..XY)", "(XYA)"), 10, "is no known form"),
        (TEXT.replace("(XY..XY)", "(A..B)"), 10, "is no known form"),
        (TEXT.replace("(XY..XY)", ""), 10, "is no known form"),
        (TEXT.replace("25.1, 1.00\n", ""), 10, "but 2 peaks are there"),
        (TEXT.replace("25.1", "325.1"), 12, "outside -20 to 260"),
        (TEXT.replace("25.1", "nan"), 12, "is no peak"),
        (TEXT.replace("25.1", "2_5"), 12, "is no peak"),
        (TEXT.replace("25.1", "٢"), 12, "is no peak"),
        (TEXT.replace("25.1", "1E9999"), 12, "is no peak"),
        (TEXT.replace("25.1, 1.00", "25.1, high"), 12, "'25.1, HIGH' is no peak"),
        (TEXT.replace("25.1, 1.00", "25.1"), 12, "is not 2 numbers"),
        (TEXT.replace("25.1, 1.00", "25.1,"), 12, "is no peak"),
        (TEXT.replace("25.1, 1.00", "25,1, 1,00"), 12, "decimal points"),
        (TEXT.replace("63.4, 0.55", "63,4 0,55"), 10, "but 4 peaks are there"),
        (TEXT.replace("\n##END=", "").replace("-1.5, -2", "-1.5, -2 3"), 13, "is not 2 numbers"),
        (with_table("##PEAK TABLE= (XY..XY)", HEAD.replace("= 3", "= 0")), 10, "holds no peak"),
        (TEXT + TABLE, 15, "second peak table of one block"),
        (TEXT + TEXT, 24, "is one more 13C peak table"),
    ],
)
def test_what_is_refused_is_refused_by_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(SpectrumError) as refusal:
        read_jcamp(text)
    assert str(refusal.value).startswith(f"line {line}: ")
    assert reason in str(refusal.value)
    assert "; " in str(refusal.value)


def test_commas_without_points_need_the_number_of_peaks() -> None:
    text = "##XUNITS= PPM\n##PEAK TABLE= (XY..XY)\n63,4 25,1"
    with pytest.raises(SpectrumError, match="commas that may be decimal"):
        read_jcamp(text)
    assert read_jcamp("##NPOINTS= 2\n" + text).shifts_ppm == (63.0, 25.0)
    assert read_jcamp(text.replace(",", ", ")).shifts_ppm == (63.0, 25.0)


def test_written_by_hand() -> None:
    peaks = PeakList((Peak(63.4, "D", 1), Peak(25.1, intensity=0.5)), {"solvent": "CDCl3"})
    assert write_jcamp(peaks, "2-propanol\n$$ 13C") == (
        "##TITLE= 2-propanol $ $ 13C\n##JCAMP-DX= 5.01\n##DATA TYPE= NMR PEAK TABLE\n"
        "##DATA CLASS= PEAK TABLE\n##ORIGIN= nmrflow\n##OWNER=\n##.OBSERVE NUCLEUS= ^13C\n"
        "##.SOLVENT NAME= CDCl3\n##XUNITS= PPM\n##YUNITS= ARBITRARY UNITS\n##NPOINTS= 2\n"
        "##$NMRFLOW METADATA=\ntitle=2-propanol%0A%24%24 13C\n"
        "##PEAK TABLE= (XY..XY)\n63.4, 1.0\n25.1, 0.5\n"
        "##PEAK ASSIGNMENTS= (XYA)\n(63.4, 1.0, <group=CH; n=1; intensity=untold>)\n"
        "(25.1, 0.5, <>)\n##END=\n"
    )
    plain = PeakList((Peak(25.1, intensity=0.5),))
    assert "ASSIGNMENTS" not in write_jcamp(plain)


texts = st.text() | st.text("abcXYZ019 ##()=,;.-/\n%<>$αβ", max_size=12)
NITROGEN = Nucleus(**{**vars(WIDE), "mass": 15, "element": "N", "multiplicities": ("S", "D")})
FLUORINE = Nucleus(**{**vars(WIDE), "mass": 19, "element": "F", "multiplicities": ()})


@pytest.mark.parametrize("begin", ["(", "(63.4,", "(63.4, 1,", "(63.4, 1, <"])
def test_blanks_among_assignments_are_passed_in_one_go(begin: str) -> None:
    blanks = f"##PEAK ASSIGNMENTS= (XYA)\n{begin}{' ' * 50_000}x\n##END="
    assert read_jcamp(TEXT.replace("##END=", blanks)).peaks == PEAKS


@pytest.mark.parametrize("nucleus", [Carbon13(), NITROGEN, FLUORINE], ids=lambda n: n.name)
@given(
    st.data(),
    st.dictionaries(
        st.sampled_from(["title", "solvent", "frequency_mhz"]) | texts,
        st.sampled_from(["100.61", "151", "CDCl3"]) | texts,
    ),
)
def test_whatever_a_peak_list_says_is_read_as_written(
    nucleus: Nucleus, data: st.DataObject, metadata: dict[str, str]
) -> None:
    some = st.builds(
        Peak,
        st.floats(-20, 260),
        st.sampled_from([None, *nucleus.multiplicities]),
        st.none() | st.integers(1, 999),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.just(0.0) | st.floats(1e-6, 50),
        st.lists(texts).map(tuple),
        texts,
    )
    peaks = data.draw(st.lists(some, min_size=1, max_size=6))
    written = PeakList(tuple(peaks), metadata)
    found = read_jcamp(write_jcamp(written, nucleus=nucleus), ShiftAxis(nucleus=nucleus))
    assert found == written
    assert not found.remarks


def test_assignments_that_are_not_of_the_table_are_passed_over() -> None:
    written = write_jcamp(PeakList((Peak(63.4, "D"), Peak(25.1, "Q"))))
    found = read_jcamp(written.replace("\n25.1, ", "\n25.2, "))
    assert found.peaks == (Peak(63.4, intensity=1.0), Peak(25.2, intensity=1.0))
    assert "peak assignments" in found.remarks[0]


def test_assignments_of_other_programs_are_notes() -> None:
    head = "##XUNITS= PPM\n##DATA TYPE= NMR PEAK ASSIGNMENTS\n"
    lines = "(63.4, 0.5, D, <C-2>)\n(25.1, 1, <methyl>) (14.1, 2,, <n=many>)\n##END=\n"
    assert read_jcamp(head + "##PEAK ASSIGNMENTS= (XYMA)\n" + lines).peaks == (
        Peak(63.4, intensity=0.5, note="D, C-2"),
        Peak(25.1, intensity=1.0, note="methyl"),
        Peak(14.1, intensity=2.0, note="n=many"),
    )
    with pytest.raises(SpectrumError, match="holds no peak"):
        read_jcamp(head + "##PEAK ASSIGNMENTS= (XYA)\n##END=\n")


def test_mutated_texts_are_read_or_refused() -> None:
    rng = random.Random(0)
    foreign = ["##", "=", "$$", "\0", "\n", "\r", "\x85", "\u2028", "٣", "²", "(", ")", "(XY..XY)",
               ",", ";", ".", "-", "E", "HZ", "##PEAK TABLE=", "##TITLE=", "9" * 500]  # fmt: skip
    n_read, reasons = 0, []
    for _ in range(N_MUTATIONS):
        text = TEXT
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            start = rng.randrange(len(text) + 1)
            stop = start + rng.choice([0, 0, 1, 1, 8, 60])
            part = rng.choice([rng.choice(foreign), chr(rng.randrange(32, 0x3000)), ""])
            text = text[:start] + part + text[stop:]
        try:
            peaks = read_jcamp(text)
        except SpectrumError as error:
            reasons.append(str(error))
            continue
        n_read += 1
        for peak in peaks.peaks:
            ShiftAxis().check_shift(peak.shift_ppm)
            assert math.isfinite(peak.intensity or 0.0)
    assert n_read > 0
    assert reasons
    assert all(reason.startswith("line ") and len(reason) < 300 for reason in reasons)


SPECTRUM = """\
##TITLE={title}
##BLOCK_ID= 1
##DATA TYPE=NMR SPECTRUM
##.OBSERVE FREQUENCY=100.6
##.OBSERVE NUCLEUS={nucleus}
##.SOLVENT NAME={solvent}
##XUNITS=PPM
##XYDATA=(X++(Y..Y))
200 1 2 3
##END=
"""
LINK = "##TITLE=x\n##JCAMP-DX=5.00\n##DATA TYPE=LINK\n##BLOCKS=3\n"


def notebook(category: str, table: str, head: str = "##DATA TYPE=NMRPEAKTABLE\n") -> str:
    category = f"##$CSCATEGORY={category}\n" if category else ""
    return f"##TITLE=x\n{head}{category}##PEAKTABLE= (XY..XY)\n{table}\n##END=\n"


def spectrum(title: str = "x", solvent: str = "CDCl3", nucleus: str = "^13C") -> str:
    return SPECTRUM.format(title=title, solvent=solvent, nucleus=nucleus)


EDITED, AUTOMATIC = "63.4, 1.0\n25.1, 2.0", "63.4, 1.0\n77.16, 3.0\n25.1, 2.0"


def test_of_a_notebooks_tables_the_edited_one_is_taken_and_said() -> None:
    tables = [notebook("EDIT_PEAK", EDITED), notebook("AUTO_PEAK", AUTOMATIC)]
    for both in (tables, tables[::-1]):
        peaks = read_jcamp(f"{LINK}{spectrum()}{''.join(both)}##END=\n")
        assert peaks.shifts_ppm == (63.4, 25.1)
        assert peaks.metadata == {"title": "x", "solvent": "CDCl3", "frequency_mhz": "100.6"}
        assert "the edited one (EDIT_PEAK) was taken" in "; ".join(peaks.remarks)
    with pytest.raises(SpectrumError, match="one more 13C peak table"):
        read_jcamp(f"{LINK}{spectrum()}{tables[0]}{notebook('', AUTOMATIC)}##END=\n")


def test_a_notebooks_empty_table_is_not_taken() -> None:
    empty = notebook("EDIT_PEAK", "", "##DATA TYPE=NMRPEAKTABLE\n##NPOINTS=0\n")
    peaks = read_jcamp(f"{LINK}{spectrum()}{empty}{notebook('AUTO_PEAK', AUTOMATIC)}##END=\n")
    assert peaks.shifts_ppm == (63.4, 77.16, 25.1)
    assert "the automatic one" in peaks.remarks[0]


def test_an_older_notebooks_table_has_the_type_of_its_spectrum() -> None:
    table = notebook("EDIT_PEAK", EDITED, "##DATA TYPE=PEAKTABLE\n")
    assert read_jcamp(f"{LINK}{spectrum()}{table}##END=\n").shifts_ppm == (63.4, 25.1)
    infrared = spectrum().replace("NMR SPECTRUM", "INFRARED SPECTRUM")
    with pytest.raises(SpectrumError, match="is no NMR data"):
        read_jcamp(f"{LINK}{infrared}{table}##END=\n")


@pytest.mark.parametrize(
    ("blocks", "more", "solvent"),
    [
        ([spectrum("x", "Acetone")], "", "Acetone"),
        ([spectrum("another", "Acetone")], "", "Acetone"),
        ([spectrum("x", "C6D6"), spectrum("another", "CDCl3")], "", "C6D6"),
        ([spectrum("x", "C6D6", "^1H"), spectrum("another", "CDCl3")], "", "CDCl3"),
        ([spectrum("a", "C6D6"), spectrum("b", "CDCl3")], "", None),
        (
            [spectrum("a", "C6D6"), spectrum("b", "CDCl3").replace("ID= 1", "ID= 2")],
            "##CROSS REFERENCE= NMR SPECTRUM: BLOCK_ID=2\n",
            "CDCl3",
        ),
        ([], "##$SOLVENT= <DMSO>\n", "DMSO"),
        ([], "##.SHIFT REFERENCE= INTERNAL, CDCl3, 1, 77.16\n", "CDCl3"),
        ([], "##.SHIFT REFERENCE= INTERNAL, TMS, 1, 0\n", None),
    ],
)
def test_the_solvent_may_stand_in_another_block(
    blocks: list[str], more: str, solvent: str | None
) -> None:
    head = f"##DATA TYPE=NMR PEAK TABLE\n##XUNITS= PPM\n{more}"
    text = f"{LINK}{''.join(blocks)}{notebook('', EDITED, head)}##END=\n"
    assert read_jcamp(text).metadata.get("solvent") == solvent


def test_a_unit_in_hertz_is_not_taken_over() -> None:
    in_hertz = spectrum().replace("XUNITS=PPM", "XUNITS=HZ")
    with pytest.raises(SpectrumError, match="has no unit"):
        read_jcamp(f"{LINK}{in_hertz}{notebook('', EDITED)}##END=\n")
