"""The SDF reader: spectra of a record, what is left out and counted, and every defect."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nmrflow.chem.domain import Domain
from nmrflow.data.dataset import say_off_scale
from nmrflow.data.records import SourceData
from nmrflow.data.sources.nmrshiftdb2 import Nmrshiftdb2
from nmrflow.errors import ConfigError, DataError
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak

AXIS = ShiftAxis()
Bonds = Sequence[tuple[int, int, int]]


def molblock(elements: str, bonds: Bonds) -> str:
    """A V2000 block; atoms in bonds are 0-based, elements are given by one letter each."""
    lines = [
        "invented",
        "",
        "",
        f"{len(elements):3}{len(bonds):3}  0  0  0  0            999 V2000",
    ]
    lines += [f"{i:10.4f}{0:10.4f}{0:10.4f} {e}   0  0" for i, e in enumerate(elements)]
    lines += [f"{a + 1:3}{b + 1:3}{order:3}  0" for a, b, order in bonds]
    return "\n".join([*lines, "M  END", ""])


def chain(elements: str) -> str:
    return molblock(elements, [(k, k + 1, 1) for k in range(len(elements) - 1)])


def record(block: str, identifier: str | None, *spectra: str, first: int = 0) -> str:
    """A record with spectra numbered from ``first``."""
    text = block
    if identifier is not None:
        text += f">  <nmrshiftdb2 ID>  (1) \n{identifier}\n\n"
    text += ">  <Solvent>  (1) \n0:Unreported\n\n"
    for k, peaks in enumerate(spectra, first):
        text += f">  <Spectrum 13C {k}>  (1) \n{peaks}\n\n"
    return text + "$$$$\n"


ETHANE = record(chain("CC"), "11", "7.1;0.0Q;0|7.2;0.0Q;1|")
PROPANE = record(chain("CCC"), "12", "15.4;0.0Q;2|16.0;0.0T;1|15.4;0.0Q;0|")
GOOD = ETHANE + PROPANE

Read = Callable[..., SourceData]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_content(
        content: str | bytes, name: str = "export.sdf", **options: object
    ) -> SourceData:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return Nmrshiftdb2(str(file), **options).read()

    return read_content


def test_each_spectrum_is_a_record(read: Read) -> None:
    data = read(ETHANE + record(chain("CCC"), "12", "15.4;0.0Q;0|", "15.6;0.0Q;0|16;0.0T;1|"))
    assert [r.molecule_id for r in data.records] == ["11", "12", "12"]
    assert len({r.spectrum_id for r in data.records}) == 3
    assert [r.peaks.shifts_ppm for r in data.records] == [(7.1, 7.2), (15.4,), (15.6, 16.0)]
    bins = [(35, 36), (77,), (78, 80)]
    assert [AXIS.occupied(r.peaks.shifts_ppm) for r in data.records] == bins
    assert [r.structure.connectivity for r in data.records] == ["CC", "CCC", "CCC"]
    assert data.n_excluded_total == 0


def test_spectra_need_not_start_at_0(read: Read) -> None:
    data = read(record(chain("CC"), "11", "7.1;0.0Q;0|", "7.3;0.0Q;0|", first=4))
    assert [r.peaks.shifts_ppm for r in data.records] == [(7.1,), (7.3,)]


def test_atoms_are_counted_from_0_in_file_order(read: Read) -> None:
    """Of H-C-C the carbons are atoms 1 and 2; atom 0 is none."""
    explicit = molblock("HCC", [(0, 1, 1), (1, 2, 1)])
    data = read(record(explicit, "13", "7.1;0.0Q;1|7.1;0.0Q;2|"))
    assert data.records[0].structure.connectivity == "CC"
    assert [peak.atoms for peak in data.records[0].peaks.peaks] == [("0",), ("1",)]
    with pytest.raises(DataError, match="atom 0, a H"):
        read(record(explicit, "13", "7.1;0.0Q;0|"))


def test_kekule_form_and_order_are_the_files_and_flags_are_perceived(read: Read) -> None:
    ring = [(0, 1, 1), (1, 2, 2), (2, 3, 1), (3, 4, 2), (4, 5, 1), (0, 5, 2), (5, 6, 1)]
    structure = read(record(molblock("CCCCCCC", ring), "14", "21;0.0Q;6|")).records[0].structure
    assert [(b.begin, b.end, b.order) for b in structure.bonds] == sorted(ring)
    assert [b.aromatic for b in structure.bonds] == [(b.end != 6) for b in structure.bonds]


def test_shifts_off_the_axis_are_counted(read: Read) -> None:
    data = read(GOOD + record(chain("CC"), "15", "-2.5;0.0Q;0|204.7;0.0Q;1|210.0;0.0Q;1|"))
    assert AXIS.occupied(data.records[-1].peaks.shifts_ppm) == (0, 1023)
    (line,) = say_off_scale(data.records, AXIS)
    assert "2 shifts lie off the axis" in line


def test_everything_the_file_tells_is_kept(read: Read) -> None:
    told = record(chain("CCC"), "12", "15.4;0.5Q;2|16.0;0.0t;1|15.4;2.0;0|")
    (found,) = read(told.replace("0:Unreported", "0:CDCl3")).records
    assert found.peaks.metadata == {"solvent": "CDCl3"}
    assert found.peaks.peaks == (
        Peak(15.4, "Q", intensity=0.5, atoms=("2",)),
        Peak(16.0, "T", atoms=("1",)),
        Peak(15.4, intensity=2.0, atoms=("0",)),
    )


def test_variants_of_the_file_give_the_same_records(read: Read) -> None:
    expected = [(r.structure, r.peaks) for r in read(GOOD).records]
    assert len(expected) == 2
    for content, name in (
        (GOOD.replace("\n", "\r\n"), "export.sdf"),
        (b"\xef\xbb\xbf" + GOOD.encode(), "export.sdf"),
        (GOOD.rstrip("\n"), "export.sdf"),
        (GOOD + "\n\n", "export.sdf"),
        (gzip.compress(GOOD.encode(), mtime=0), "export.sdf.gz"),
        (GOOD.replace("|\n", "\n"), "export.sdf"),
    ):
        found = read(content, name).records
        assert [(r.structure, r.peaks) for r in found] == expected


def test_records_outside_the_domain_are_counted_by_reason(read: Read) -> None:
    peak = "20.0;0.0Q;0|"
    data = read(
        GOOD
        + record(chain("CCO"), "21", peak)
        + record(chain("CN"), "22", peak)
        + record(chain("C" * 18), "23", peak)
        + record(chain("C"), "24", peak)
        + 3 * record(chain("CC"), "25")
    )
    assert len(data.records) == 2
    assert sorted(data.n_excluded.values()) == [1, 1, 2, 3]
    counts = {n: " ".join(r for r, k in data.n_excluded.items() if k == n) for n in (1, 2, 3)}
    assert "no 13C spectrum" in counts[3]
    assert "elements" in counts[2]
    assert "more than 17 carbons" in counts[1]
    assert "fewer than 2 carbons" in counts[1]
    assert sum("left out" in line for line in data.describe()) == 4


def test_domain_can_be_set(read: Read) -> None:
    content = ETHANE + PROPANE + record(chain("CCO"), "21", "20.0;0.0Q;0|")
    assert [r.molecule_id for r in read(content, max_carbons=2).records] == ["11"]
    with_oxygen = read(content, elements=["C", "H", "O"])
    assert [r.molecule_id for r in with_oxygen.records] == ["11", "12", "21"]


DEFECTS = {
    "atom out of range": (record(chain("CC"), "31", "7;0.0Q;2|"), "names atom 2"),
    "atom below 0": (record(chain("CC"), "31", "7;0.0Q;-1|"), "names atom -1"),
    "atom not carbon": (record(chain("CCO"), "31", "7;0.0Q;2|"), "a O, not a C"),
    "shift too high": (record(chain("CC"), "31", "276.9;0.0Q;0|"), "276.9"),
    "shift too low": (record(chain("CC"), "31", "-30;0.0Q;0|"), "-30"),
    "shift not a number": (record(chain("CC"), "31", "nan;0.0Q;0|"), "finite"),
    "entry with two fields": (record(chain("CC"), "31", "7.0;0|"), "'7.0;0'"),
    "entry with words": (record(chain("CC"), "31", "7.0;0.0Q;0|oops|"), "'oops'"),
    "decimal comma": (record(chain("CC"), "31", "7,0;0.0Q;0|"), "'7,0;0.0Q;0'"),
    "no peaks": (record(chain("CC"), "31", ""), "no peaks"),
    "five bonds": (
        record(molblock("CCCCCC", [(0, k, 1) for k in range(1, 6)]), "31", "7;0.0Q;0|"),
        "(?i)valence|bonds",
    ),
    "two molecules": (
        record(molblock("CCCC", [(0, 1, 1), (2, 3, 1)]), "31", "7;0.0Q;0|"),
        "2 mol",
    ),
    "no molblock": (record("just words\n", "31", "7;0.0Q;0|"), "molfile"),
    "molblock cut": (record(chain("CC")[:120], "31", "7;0.0Q;0|"), "molfile"),
    "file cut": (record(chain("CC"), "31", "7;0.0Q;0|").removesuffix("$$$$\n"), "file ends"),
    "file cut early": (record(chain("CC"), "31", "7;0.0Q;0|")[:100], "file ends"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_stops_with_place_and_reason(read: Read, name: str) -> None:
    bad, reason = DEFECTS[name]
    with pytest.raises(DataError, match=reason) as caught:
        read(GOOD + bad)
    message = str(caught.value)
    assert "export.sdf" in message
    assert "record 3" in message
    assert f"line {GOOD.count(chr(10)) + 1}" in message
    assert "on_error=skip" in message


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_skipped_and_reported_on_request(read: Read, name: str) -> None:
    bad, _ = DEFECTS[name]
    data = read(GOOD + bad, on_error="skip")
    assert [r.molecule_id for r in data.records] == ["11", "12"]
    assert data.n_excluded_total == 1
    assert len(data.defects) == 1
    assert "record 3" in data.defects[0]
    assert any(data.defects[0] in line for line in data.describe())


def test_what_follows_a_defect_is_read(read: Read) -> None:
    middle = [bad for name, (bad, _) in DEFECTS.items() if not name.startswith("file cut")]
    content = ETHANE + "".join(middle) + PROPANE
    data = read(content, on_error="skip")
    assert [r.molecule_id for r in data.records] == ["11", "12"]
    assert len(data.defects) == len(middle)
    with pytest.raises(DataError, match=f"{len(middle)} bad record") as caught:
        read(content)
    assert all(f"record {number} " in str(caught.value) for number in range(2, 2 + len(middle)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        (record(chain("CC"), "25") + record(chain("CCO"), "26", "7;0.0Q;0|"), "no usable"),
        (bytes(range(256)), "not UTF-8"),
    ],
)
def test_a_file_with_nothing_usable_is_refused(
    read: Read, content: str | bytes, reason: str
) -> None:
    for on_error in ("stop", "skip"):
        with pytest.raises(DataError, match=reason):
            read(content, on_error=on_error)


def test_a_file_of_defects_alone_is_refused_even_with_skip(read: Read) -> None:
    with pytest.raises(DataError, match="no usable"):
        read("a text that is no SDF\n", on_error="skip")


def test_a_cut_gzip_file_is_refused_even_with_skip(read: Read) -> None:
    packed = gzip.compress(GOOD.encode(), mtime=0)
    with pytest.raises(DataError, match="damaged or cut-off"):
        read(packed[: len(packed) // 2], "export.sdf.gz", on_error="skip")


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="on_error"):
        Nmrshiftdb2("export.sdf", on_error="typo")
    with pytest.raises(ConfigError, match=r"data\.path"):
        Nmrshiftdb2(None)


@pytest.mark.real_data
def test_the_real_sample_has_two_defects(real_data: Path) -> None:
    path = str(real_data / "nmrshiftdb2_sample.sdf.gz")
    data = Nmrshiftdb2(path, on_error="skip").read()
    assert len(data.defects) == 2
    # Every record of the file is accounted for: used, or left out for a reason.
    assert len({record.provenance for record in data.records}) + data.n_excluded_total == 7195
    assert len({record.spectrum_id for record in data.records}) == len(data.records)
    with pytest.raises(DataError, match="2 bad") as caught:
        Nmrshiftdb2(path).read()
    assert all(defect in str(caught.value) for defect in data.defects)


@pytest.mark.parametrize("again", ["0", "00"])
def test_a_spectrum_given_twice_is_a_defect(read: Read, again: str) -> None:
    twice = PROPANE.replace("$$$$", f"> <Spectrum 13C {again}>\n15.0;0.0Q;0|\n\n$$$$")
    with pytest.raises(DataError, match="twice"):
        read(twice)


def test_records_without_an_id_keep_their_own(read: Read) -> None:
    nameless = record(chain("CC"), None, "7.1;0.0Q;0|")
    data = read(nameless + nameless)
    assert len({r.spectrum_id for r in data.records}) == 2


def test_with_a_domain_a_molecule_is_one_record_with_medians(tmp_path: Path) -> None:
    """As +experiment=organic reads it: charges and other elements too."""
    nitro = molblock("CNOO", [(0, 1, 1), (1, 2, 2), (1, 3, 2)])
    text = record(nitro, "1", "62.5;0.0Q;0|", "62.9;0.0Q;0|", "61.0;0.0Q;0|")
    text += record(chain("CS"), "2", "6.5;0.0Q;0|") + ETHANE
    (tmp_path / "a.sdf").write_text(text)
    domain = Domain([["C", 0, 4], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1]], max_atoms=4)
    found = Nmrshiftdb2(str(tmp_path / "a.sdf"), domain=domain).read()
    assert [r.structure.connectivity for r in found.records] == ["C[N+](=O)[O-]", "CC"]
    assert [peak.shift_ppm for peak in found.records[0].peaks.peaks] == [62.5]
    assert found.n_excluded == {"other elements": 1}
