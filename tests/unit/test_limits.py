"""Each limit of docs/limits.md, at it and above it; what is above is refused in words at once."""

import csv
import gzip
import re
from pathlib import Path

import pytest

from nmrflow.chem.notation import structure_from_inchi, structure_from_smiles
from nmrflow.config.building import check_counts
from nmrflow.errors import ConfigError, DataError, NmrflowError, SpectrumError, StructureError
from nmrflow.files.reading import open_text
from nmrflow.formats.jcamp import read_jcamp
from nmrflow.formats.molecule_files import read_molecules
from nmrflow.formats.nmredata import read_nmredata
from nmrflow.formats.nmrshiftdb2 import read_tags
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.text_reader import read_peaks
from nmrflow.formats.topspin import read_peaklist
from nmrflow.limits import (
    MAX_ATOMS,
    MAX_COUNTS,
    MAX_LINE,
    MAX_NOTATION,
    MAX_NUMBERS,
    MAX_PACKED_RATIO,
    MAX_PEAKS,
    MAX_ROW_LINES,
    MAX_SHARED_LINES,
    MAX_SPECTRUM_LINES,
    MAX_TEXT_BYTES,
)
from nmrflow.spectra.nucleus import Carbon13
from nmrflow.spectra.peaks import Peak, PeakList

LIMITS = Path(__file__).parents[2] / "docs" / "limits.md"


def read(path: Path) -> int:
    with open_text(path, "a text", is_setting=False) as stream:
        return sum(map(len, stream))


@pytest.mark.parametrize("before", ["", "a\n" * 700_000])
@pytest.mark.parametrize("end", ["", "\n", "\r\nb"])
def test_a_line(tmp_path: Path, before: str, end: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes((before + "a" * MAX_LINE + end).encode())
    assert read(file) == len(before) + MAX_LINE + len(end)
    file.write_bytes((before + "a" * (MAX_LINE + 1) + end).encode())
    with pytest.raises(DataError, match="a line of more than 1,048,576 bytes"):
        read(file)


def test_a_text_that_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    comments = b"#" + b" " * 998 + b"\n"
    file.write_bytes(b"> a\n20.0\n" + comments * (MAX_TEXT_BYTES // len(comments)))
    with pytest.raises(DataError, match="too large"):
        read_spectra(str(file))
    with pytest.raises(DataError, match="a line of more than"):
        read_spectra("/dev/zero")


def test_a_packed_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress(b"1\n" * (MAX_LINE // 2)))
    assert read(file) == MAX_LINE
    file.write_bytes(gzip.compress(b"1\n" * 10 * MAX_LINE))
    assert file.stat().st_size < 20 * MAX_LINE / MAX_PACKED_RATIO
    with pytest.raises(DataError, match="unpacks to more than 200 times its size"):
        read(file)


def test_a_record(tmp_path: Path) -> None:
    file = tmp_path / "a.sdf"
    file.write_text(("x" * 999_999 + "\n") * (MAX_TEXT_BYTES // 1_000_000 + 1))
    with pytest.raises(DataError, match=r"a\.sdf:1: a record of more than 20,000,000 characters"):
        list(read_molecules(file))


def test_peaks() -> None:
    peaks = (Peak(20.0),) * MAX_PEAKS
    assert len(PeakList(peaks).peaks) == MAX_PEAKS
    with pytest.raises(SpectrumError, match="1,025 peaks are more than the 1,024"):
        PeakList((*peaks, Peak(20.0)))
    with pytest.raises(SpectrumError, match=f"{MAX_NUMBERS + 1:,} numbers are more"):
        read_peaks("20.1 " * (MAX_NUMBERS + 1))
    assert len(read_peaks("#\n" * MAX_SPECTRUM_LINES + "20.1").peaks) == 1
    with pytest.raises(SpectrumError, match="10,001 lines are more than the 10,000"):
        read_peaks("#\n" * (MAX_SPECTRUM_LINES + 1) + "20.1")
    with pytest.raises(SpectrumError, match="peaks are more"):
        read_peaks("20.1 " * (MAX_PEAKS + 1))


TOO_MANY = {
    "jcamp": (
        lambda text: read_jcamp("##XUNITS= PPM\n##PEAK TABLE= (XY..XY)\n" + text),
        ("20.1, 1\n", "nonsense, 1\n"),
    ),
    "nmredata": (
        lambda text: read_nmredata([("NMREDATA_1D_13C", text)], None, Carbon13()),
        ("20.1, L=a\\", "nonsense, L=a\\"),
    ),
    "nmrshiftdb2": (
        lambda text: read_tags([("Spectrum 13C 0", text)], None, Carbon13()),
        ("20.1;0.0;1|", "nonsense|"),
    ),
    "topspin": (
        lambda text: read_peaklist(f"<PeakList>{text}</PeakList>", Carbon13()),
        ('<Peak1D F1="20.1"/>', '<Peak1D F1="nonsense"/>'),
    ),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_too_many_peaks_are_refused_before_all_are_read(name: str) -> None:
    read_text, (peak, nonsense) = TOO_MANY[name]
    with pytest.raises(NmrflowError, match=r"(?i)nonsense"):
        read_text(peak + nonsense)
    with pytest.raises(SpectrumError, match="more than 1,024 peaks"):
        read_text(peak * (MAX_PEAKS + 1) + nonsense)


def test_atoms() -> None:
    assert structure_from_smiles("C" * MAX_ATOMS).n_atoms == MAX_ATOMS
    with pytest.raises(StructureError, match="10,001 atoms are more than the 10,000"):
        structure_from_smiles("C" * (MAX_ATOMS + 1))
    for parse in (structure_from_smiles, structure_from_inchi):
        with pytest.raises(StructureError, match="100,001 characters, and 100,000 at most"):
            parse("C" * (MAX_NOTATION + 1))


def test_a_quote_that_stays_open_swallows_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("smiles", "id"))
        writer.writerow(("C", "\n" * (MAX_ROW_LINES - 1)))
    assert [row.reason for row in read_molecules(file)] == [None]
    file.write_text("smiles,id\n" + '"C\n' + "C,1\n" * 200)
    first, *others = read_molecules(file)
    assert "stays open for more than 100 lines" in str(first.reason)
    assert [row.reason for row in others] == [None] * 200


def test_rows_that_each_open_a_quote_take_their_own_time(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("smiles,id\n" + 'C,"1\n' * 50_000)
    assert sum(row.structure is None for row in read_molecules(file)) == 50_000


def test_comments_of_all_spectra(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    spectra = "> b\n20.0\n" * 100
    file.write_text("# a\n" * (MAX_SHARED_LINES // 100) + spectra)
    next(iter(read_spectra(str(file))))
    file.write_text("# a\n" * (MAX_SHARED_LINES // 100 + 1) + spectra)
    with pytest.raises(DataError, match="1,001 lines of comments above, and said of, 100 spectra"):
        list(read_spectra(str(file)))


def test_counts() -> None:
    for name, most in MAX_COUNTS.items():
        check_counts({name: most}, **{name: 1})
        with pytest.raises(ConfigError, match=f"{most:,} at most"):
            check_counts({name: most + 1}, **{name: 1})


def test_the_page_says_the_numbers() -> None:
    import nmrflow.limits

    told = set(re.findall(r"[\d,]+", LIMITS.read_text()))
    numbers = [n for n in vars(nmrflow.limits).values() if type(n) is int]
    assert not [number for number in numbers if f"{number:,}" not in told]
