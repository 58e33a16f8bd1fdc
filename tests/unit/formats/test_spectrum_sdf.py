"""Spectra inside SDF records: both sets of tags, round trips, other readers, and defects."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from nmrflow.chem.structure import Structure
from nmrflow.data.sources.nmrshiftdb2 import Nmrshiftdb2
from nmrflow.errors import DataError, NmrflowError, SpectrumError
from nmrflow.formats.nmredata import read_nmredata
from nmrflow.formats.spectrum_sdf import (
    SpectrumRow,
    read_sdf_spectra,
    write_nmredata_record,
    write_nmrshiftdb2_record,
    write_record,
)
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import Peak, PeakList

PROPANOL = Structure.from_smiles("CC(C)O")
SHIFTS = (25.1, 63.4, 25.1, None)
BLOCK = write_record(PROPANOL, (None,) * 4).partition("$$$$")[0]

Read = Callable[[str], list[SpectrumRow]]
Write = Callable[..., str]


def record(*tags: tuple[str, str], block: str = BLOCK) -> str:
    return block + "".join(f">  <{name}>  (1)\n{text}\n\n" for name, text in tags) + "$$$$\n"


def with_hydrogens(smiles: str) -> str:
    """A block with every hydrogen an atom, placed before the others."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    order = sorted(range(mol.GetNumAtoms()), key=lambda k: mol.GetAtomWithIdx(k).GetAtomicNum())
    return str(Chem.MolToMolBlock(Chem.RenumberAtoms(mol, order)))


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_content(content: str) -> list[SpectrumRow]:
        file = tmp_path / "a.sdf"
        file.write_bytes(content.encode())
        found = list(read_sdf_spectra(file))
        assert [spectrum.number for spectrum in found] == list(range(1, len(found) + 1))
        for spectrum in found:
            assert spectrum.where.startswith(f"{file}:")
            assert spectrum.reason is None or spectrum.reason.isprintable()
            assert spectrum.reason or (spectrum.peaks and spectrum.structure)
        return found

    return read_content


def shifts_by_atom(peaks: PeakList | None) -> dict[int, float]:
    assert peaks is not None
    found = {int(atom): peak.shift_ppm for peak in peaks.peaks for atom in peak.atoms}
    assert len(found) == sum(peak.n_carbons or 1 for peak in peaks.peaks)
    return found


def test_tags_of_nmrshiftdb2(read: Read) -> None:
    (found,) = read(
        record(
            ("nmrshiftdb2 ID", "10000001"),
            ("Solvent", "0:Chloroform-D1 (CDCl3)"),
            ("Spectrum 13C 0", "25.1;0.0Q;0|63.4;12.5d;1|25.1;0.0Q;2|"),
        )
    )
    assert (found.name, found.structure) == ("10000001", PROPANOL)
    assert found.peaks == PeakList(
        (Peak(25.1, "Q", 2, atoms=("0", "2")), Peak(63.4, "D", intensity=12.5, atoms=("1",))),
        {"solvent": "Chloroform-D1 (CDCl3)"},
    )


def test_unlike_multiplicities_at_one_shift_are_two_peaks(read: Read) -> None:
    (found,) = read(record(("Spectrum 13C 0", "25.1;0.0Q;0|25.1;0.0U;1|25.1;Q;2|")))
    assert found.peaks is not None
    assert [(p.multiplicity, p.n_carbons, p.atoms) for p in found.peaks.peaks] == [
        ("Q", 2, ("0", "2")),
        (None, None, ("1",)),
    ]


def test_each_spectrum_of_a_record_counts(read: Read) -> None:
    found = read(
        record(
            ("Spectrum 13C 03", "25.3;0.0Q;0|"),
            ("Spectrum 1H 0", "1.2;0.0;0|"),
            ("Spectrum 13C 1", "25.1;0.0Q;0|"),
            ("Solvent", "0:D2O 1:CDCl3/CD3OD 9:1 3:Unreported"),
        )
        + record(("Spectrum 1H 0", "1.2;0.0;0|"))
        + write_record(PROPANOL, SHIFTS, name="last")
    )
    assert [spectrum.name for spectrum in found] == ["/1", "/3", "", "last"]
    assert [s.peaks and s.peaks.shifts_ppm for s in found] == [
        (25.1,),
        (25.3,),
        None,
        (25.1, 63.4),
    ]
    assert [dict(s.peaks.metadata) for s in found[:2] if s.peaks] == [
        {"solvent": "CDCl3/CD3OD 9:1"},
        {},
    ]
    assert found[2].reason == "the record holds no 13C spectrum"
    lines = [int(spectrum.where.rpartition(":")[2]) for spectrum in found]
    assert lines[0] == lines[1] == 1
    assert lines[1] < lines[2] < lines[3]


ASSIGNMENT = "s0, 25.1000, 1, 3\\\ns1, 63.4, 2\\\na, 1.2, H1\\\nInterchangeable=s0, s1\\"


@pytest.mark.parametrize(
    ("assignment", "spectrum"),
    [
        (ASSIGNMENT, "Larmor=100.61\\\n25.1000, L=s0\\\n63.4000, L=s1\\"),
        (ASSIGNMENT, "Larmor=100.61 ;MHz\\25.1000,L=s0;methyl, 7\\63.4000,L=s1"),
        (ASSIGNMENT, "Larmor=100.61\\\nDecoupled=1H\\\n25.10\n00, L=s\n0\\\n63.4000, L=s1\\\n"),
        (ASSIGNMENT.replace("\\", ""), "Larmor=100.61\n25.1000, L=s0\n63.4000, L=s1"),
        (ASSIGNMENT.replace("s0", "C(1)"), "Larmor=100.61\\25.1, L=C(1)\\63.4, L=(s1)\\"),
        (ASSIGNMENT.replace("s0", '<"a,b">'), 'Larmor=100.61\\25.1, L=<"a,b">\\63.4, L=s1\\'),
        ("x, 25.1, 1\\y, 25.1, 3\\z, 63.4, 2\\", "Larmor=100.61\\25.1, L=x&y\\63.4, L=z\\"),
        ("x, 25.1, 1\\y, 25.1, 3\\z, 63.4, 2\\", "Larmor=100.61\\25.1, L=y\\25.1, L=x\\63.4, L=z"),
    ],
)
def test_tags_of_nmredata(read: Read, assignment: str, spectrum: str) -> None:
    (found,) = read(
        record(
            ("NMREDATA_VERSION", "1.1\\"),
            ("NMREDATA_SOLVENT", "CDCl3\\"),
            ("NMREDATA_ASSIGNMENT", assignment),
            ("NMREDATA_1D_1H", "Larmor=400.1\\\n1.2, L=a\\"),
            ("NMREDATA_1D_13C", spectrum),
        )
    )
    assert (found.structure, found.reason) == (PROPANOL, None)
    assert found.peaks is not None
    assert found.peaks.metadata == {"solvent": "CDCl3", "frequency_mhz": "100.61"}
    assert shifts_by_atom(found.peaks) == {0: 25.1, 2: 25.1, 1: 63.4}


def test_what_else_nmredata_says_of_a_signal(read: Read) -> None:
    (found,) = read(
        record(("NMREDATA_1D_13C", "130.2-130.1, S=d, J=9.30,4.81, N=2, L=<>, I=-95.1\\-1.5\\"))
    )
    assert found.peaks is not None
    assert found.peaks.peaks == (
        Peak(130.15, "T", None, -95.1, 0.05, (), "S=d, J=9.30, 4.81"),
        Peak(-1.5),
    )


def test_labels_of_which_one_is_meant_assign_nothing(read: Read) -> None:
    tags = ("NMREDATA_ASSIGNMENT", "a, 25.1, 1\\b, 63.4, 2\\"), ("NMREDATA_1D_13C", "25.1, L=a|b")
    (found,) = read(record(*tags))
    assert found.peaks is not None
    assert found.peaks.peaks == (Peak(25.1),)


def test_assigned_carbons_are_a_spectrum_where_none_is_listed(read: Read) -> None:
    text = "a, 25.1, 1, 3\\b, 777.777, 2\\c, 3.1, 4\\d, 1.2, H1\\"
    (found,) = read(record(("NMREDATA_ASSIGNMENT", text)))
    assert shifts_by_atom(found.peaks) == {0: 25.1, 2: 25.1}


def test_several_spectra_of_nmredata(read: Read) -> None:
    found = read(record(("NMREDATA_1D_13C", "25.1\\"), ("NMREDATA_1D_13C#2", "25.2\\")))
    assert [s.peaks and s.peaks.shifts_ppm for s in found] == [(25.1,), (25.2,)]


def test_hydrogens_of_the_file_do_not_count(read: Read) -> None:
    block = with_hydrogens("CC(C)O")
    first = block.splitlines()[4:].index(next(x for x in block.splitlines()[4:] if " C " in x))
    assert first == 8
    found = read(
        record(("Spectrum 13C 0", "25.1;0.0Q;8|63.4;0.0D;9|"), block=block)
        + record(("NMREDATA_ASSIGNMENT", "a, 25.1, 9\\b, 63.4, 10\\"), block=block)
    )
    assert [spectrum.structure for spectrum in found] == [PROPANOL, PROPANOL]
    assert [shifts_by_atom(spectrum.peaks) for spectrum in found] == [{0: 25.1, 1: 63.4}] * 2


def test_a_structure_that_is_refused_keeps_its_peaks(read: Read) -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("C[CH]C"))
    (found,) = read(record(("Spectrum 13C 0", "55.1;0.0Q;0|"), block=block))
    assert found.structure is None
    assert "radical" in str(found.reason)
    assert shifts_by_atom(found.peaks) == {0: 55.1}


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Spectrum 13C 0": "25.1;0.0Q;3|"}, "names atom 3, a O, not a C"),
        ({"Spectrum 13C 0": "25.1;0.0Q;4|"}, "has 0 to 3"),
        ({"Spectrum 13C 0": "25.1;0|"}, "is not shift;intensity;atom"),
        ({"Spectrum 13C 0": "325.1;0.0Q;0|"}, "outside -20 to 260"),
        ({"Spectrum 13C 0": "|"}, "holds no 13C spectrum"),
        ({"NMREDATA_1D_13C": "Larmor=100\\"}, "no signals"),
        ({"NMREDATA_1D_13C": "methyl, L=a\\"}, "'methyl' is not a shift"),
        ({"NMREDATA_1D_13C": "325.1\\"}, "outside -20 to 260"),
        ({"NMREDATA_1D_13C": "25.1, L=x", "NMREDATA_ASSIGNMENT": "a, 1, 1"}, "label 'x'"),
        ({"NMREDATA_1D_13C": "25.1, L=a", "NMREDATA_ASSIGNMENT": "a, 1, 4"}, "atom 4, a O"),
        ({"NMREDATA_1D_13C": "25.1, L=a", "NMREDATA_ASSIGNMENT": "a, 1, H1"}, "a hydrogen"),
        ({"NMREDATA_1D_13C": "25.1, L=a", "NMREDATA_ASSIGNMENT": "a, 1, 0"}, "has 1 to 4"),
        ({"NMREDATA_1D_13C": "25.1, L=a", "NMREDATA_ASSIGNMENT": "a, 1, 1-2"}, "has 1 to 4"),
        ({"NMREDATA_1D_13C": "25.1", "NMREDATA_ASSIGNMENT": "a, 1\\a, 2\\"}, "given twice"),
    ],
)
def test_a_bad_spectrum_leaves_the_others(read: Read, tags: dict[str, str], reason: str) -> None:
    good = write_record(PROPANOL, SHIFTS)
    found = read(good + record(*tags.items()) + good)
    assert [spectrum.peaks is not None for spectrum in found] == [True, False, True]
    assert found[1].structure == PROPANOL
    assert reason in str(found[1].reason)


def test_records_that_cannot_be_read(read: Read) -> None:
    bad_block = record(("Spectrum 13C 0", "25.1;0.0Q;0|"), block="title\nno molfile\n")
    cut_off = write_record(PROPANOL, SHIFTS).removesuffix("$$$$\n")
    found = read(bad_block + cut_off)
    assert [s.structure for s in found] == [None, None]
    assert [s.peaks and s.peaks.shifts_ppm for s in found] == [(25.1,), None]
    assert "no readable molfile" in str(found[0].reason)
    assert "file ends inside this record" in str(found[1].reason)


def test_written_by_hand() -> None:
    text = write_record(
        PROPANOL,
        (25.1, 63.456, 25.10004, None),
        name="2-propanol",
        solvent="CDCl3",
        properties={"score": "0.9\n\n> 0.8"},
        frequency_mhz=100.61,
    )
    assert text.partition("M  END\n")[2] == (
        "> <Spectrum 13C 0>\n25.10;0.0Q;0|63.46;0.0D;1|25.10;0.0Q;2|\n\n"
        "> <Solvent>\n0:CDCl3\n\n"
        "> <NMREDATA_VERSION>\n1.1\\\n\n> <NMREDATA_LEVEL>\n0\\\n\n"
        "> <NMREDATA_SOLVENT>\nCDCl3\\\n\n"
        "> <NMREDATA_ASSIGNMENT>\ns0, 25.1000, 1, 3\\\ns1, 63.4560, 2\\\n\n"
        "> <NMREDATA_1D_13C>\nLarmor=100.61\\\n25.1000, N=3, L=s0\\\n63.4560, N=1, L=s1\\\n\n"
        "> <score>\n0.9\n > 0.8\n\n$$$$\n"
    )


def test_no_shift_is_minus_nothing() -> None:
    text = write_record(Structure.from_smiles("C"), (-0.00001,))
    assert "\n0.00;0.0;0|\n" in text
    assert "\n0.0000, L=s0\\\n" in text


def test_equal_shifts_of_unlike_carbons_have_their_own_labels() -> None:
    butane = Structure.from_smiles("CCCC")
    text = write_nmredata_record(butane, (20.0, 20.0, 20.0, 20.0))
    assert "s0, 20.0000, 1, 4\\\ns1, 20.0000, 2, 3\\\n" in text
    assert "Larmor" not in text


@pytest.mark.parametrize(
    ("shifts", "properties", "reason"),
    [
        ((25.1, 63.4, 25.1), {}, "3 shifts for 4 atoms"),
        ((25.1, 63.4, 25.1, 1.0), {}, "atom 3, a O"),
        ((25.1, 63.4, 325.1, None), {}, "outside -20 to 260"),
        ((25.1, 63.4, float("nan"), None), {}, "not a finite number"),
        (SHIFTS, {"Spectrum 13C 7": "x"}, "another name"),
        (SHIFTS, {" NMREDATA_1D_13C#2": "x"}, "another name"),
        (SHIFTS, {"NMREDATA_VERSION": "x"}, "another name"),
        (SHIFTS, {"": "x"}, "cannot be written"),
        (SHIFTS, {"a>b": "x"}, "cannot be written"),
        (SHIFTS, {"a\nb": "x"}, "cannot be written"),
    ],
)
def test_what_cannot_be_written(
    shifts: tuple[float | None, ...], properties: dict[str, str], reason: str
) -> None:
    with pytest.raises((DataError, SpectrumError), match=reason):
        write_record(PROPANOL, shifts, properties=properties)


def test_records_without_shifts_or_atoms_are_records(read: Read) -> None:
    refused = write_record(None, (), name="bad", properties={"reason": "charged"})
    none_matched = write_record(PROPANOL, (None,) * 4, name="no peaks")
    assert "Spectrum" not in none_matched
    found = read(refused + none_matched)
    assert [spectrum.name for spectrum in found] == ["bad", "no peaks"]
    assert [spectrum.structure for spectrum in found] == [None, PROPANOL]
    supplier = Chem.SDMolSupplier()
    supplier.SetData(refused + none_matched)
    assert [mol.GetNumAtoms() for mol in supplier] == [0, 4]
    assert supplier[0].GetProp("reason") == "charged"


@st.composite
def assigned(draw: st.DrawFn) -> tuple[Structure, list[float | None]]:
    """Any structure with a shift for each of its carbons, equal ones among them."""
    others = ["CC(C)O", "c1ccc2[nH]ccc2c1", "CS(=O)(=O)c1ccccc1Br", "C"]
    structure = draw(st.from_type(Structure) | st.sampled_from(others).map(Structure.from_smiles))
    shift = st.floats(-20, 260) | st.sampled_from([-0.00001, 25.1, 128.444, 128.446])
    return structure, [draw(shift) if e == "C" else None for e in structure.elements]


nasty_text = st.text(st.sampled_from(list("ab <>$|;:\\\n\r\t\0\x85\u2028é\ud800,#")), max_size=20)


@settings(max_examples=60)
@given(
    molecule=assigned(),
    write=st.sampled_from([write_record, write_nmrshiftdb2_record, write_nmredata_record]),
    name=nasty_text,
    solvent=st.none() | nasty_text,
    properties=st.dictionaries(st.sampled_from(["a", "score x", "é"]), nasty_text),
)
def test_what_is_written_is_read_by_every_reader(
    tmp_path_factory: pytest.TempPathFactory,
    molecule: tuple[Structure, list[float | None]],
    write: Write,
    name: str,
    solvent: str | None,
    properties: dict[str, str],
) -> None:
    structure, shifts = molecule
    text = write(structure, shifts, name=name, solvent=solvent, properties=properties)
    assert text.count("\n$$$$\n") == 1
    file = tmp_path_factory.mktemp("sdf") / "a.sdf"
    file.write_text(text * 2, encoding="utf-8", newline="")

    n_decimals = 4 if write is write_nmredata_record else 2
    told = {k: round(shift, n_decimals) for k, shift in enumerate(shifts) if shift is not None}
    found = list(read_sdf_spectra(file))
    assert [spectrum.reason for spectrum in found] == [None, None]
    for spectrum in found:
        assert spectrum.structure is not None
        assert spectrum.structure.elements == structure.elements
        assert spectrum.structure.connectivity == structure.connectivity
        assert shifts_by_atom(spectrum.peaks) == told

    supplier = Chem.SDMolSupplier(str(file))
    assert len(supplier) == 2
    assert set(properties) <= set(supplier[1].GetPropNames())
    assert Chem.MolToSmiles(supplier[0]) == structure.connectivity

    is_usable = structure.elements.count("C") > 1 and write is not write_nmredata_record
    if is_usable:
        source = Nmrshiftdb2(str(file), elements=sorted(set(structure.elements)))
        for spectrum in source.read().records:
            assert spectrum.peaks.shifts_ppm == tuple(told.values())
            assert shifts_by_atom(spectrum.peaks) == told
            assert spectrum.structure.elements == structure.elements


@given(assigned())
def test_multiplicities_are_those_of_the_structure(
    tmp_path_factory: pytest.TempPathFactory, molecule: tuple[Structure, list[float | None]]
) -> None:
    structure, shifts = molecule
    file = tmp_path_factory.mktemp("sdf") / "a.sdf"
    file.write_text(write_record(structure, shifts))
    (found,) = read_sdf_spectra(file)
    assert found.peaks is not None
    for peak in found.peaks.peaks:
        for atom in peak.atoms:
            n_hydrogens = structure.n_hydrogens[int(atom)]
            assert peak.multiplicity == (None if n_hydrogens == 4 else "SDTQ"[n_hydrogens])


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sdf").write_bytes(b"\0\0\xff")
    with pytest.raises(NmrflowError, match="not UTF-8"):
        list(read_sdf_spectra(tmp_path / "a.sdf"))


NAMED = (("NMREDATA_SOLVENT", "CDCl3\\"), ("NMREDATA_ASSIGNMENT", "a, 25.1, 1, 3\\b, 63.4, 2\\"))


def remarks_of(row: SpectrumRow) -> str:
    assert row.peaks is not None
    return "; ".join(row.peaks.remarks)


def test_the_number_of_nmredata_is_that_of_hydrogens(read: Read) -> None:
    (found,) = read(record(*NAMED, ("NMREDATA_1D_13C", "25.1, N=3, L=a\\63.4, S=s, N=1, L=b\\")))
    assert found.peaks is not None
    assert [(p.multiplicity, p.n_carbons, p.note) for p in found.peaks.peaks] == [
        ("Q", 2, ""),
        ("D", None, "S=s"),
    ]
    assert not found.peaks.remarks


@pytest.mark.parametrize(
    ("spectrum", "why"),
    [
        ("25.1, N=2, L=a\\63.4, N=1, L=b\\", "is not the number of hydrogens"),
        ("25.1, N=1\\63.4, N=1\\", "is the same for every line"),
    ],
)
def test_a_number_that_is_not_of_hydrogens_is_a_note(read: Read, spectrum: str, why: str) -> None:
    (found,) = read(record(*NAMED, ("NMREDATA_1D_13C", spectrum)))
    assert found.peaks is not None
    assert {peak.multiplicity for peak in found.peaks.peaks} == {None}
    assert "N=1" in [peak.note for peak in found.peaks.peaks]
    assert why in remarks_of(found)


def test_the_number_of_another_nucleus_counts_its_atoms() -> None:
    tags = [("NMREDATA_1D_1H", "1.20, S=d, N=6\\3.9, N=1\\")]
    proton = Nucleus(**{**vars(Carbon13()), "mass": 1, "element": "H", "multiplicities": ()})
    (spectrum,) = read_nmredata(tags, None, proton)
    assert spectrum.peaks == (Peak(1.2, None, 6, note="S=d"), Peak(3.9, None, 1))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("Larmor=100.6\\Pulseprogram=dept135\\", "has no signals"),
        ("Sequence=DEPT90\\63.4, I=9\\", "is a DEPT90"),
        ("Pulseprogram=hsqcetgp\\63.4\\", "is a hsqcetgp"),
        ("Sequence=APT\\63.4, I=1\\25.1, I=1\\", "is a APT"),
    ],
)
@pytest.mark.parametrize("name", ["NMREDATA_1D_13C", "NMREDATA_1D_13C#2"])
def test_what_shows_not_all_carbons_is_no_spectrum_of_its_own(
    read: Read, name: str, second: str, said: str
) -> None:
    plain = ("NMREDATA_1D_13C", "Sequence=zgpg30\\25.1\\63.4\\")
    for tags in ((plain, (name, second)), ((name, second), plain)):
        (found,) = read(record(*tags))
        assert found.peaks is not None
        assert found.peaks.shifts_ppm == (25.1, 63.4)
        assert said in remarks_of(found)


def test_a_dept_tells_ch2_by_its_signs(read: Read) -> None:
    dept = "Sequence=DEPT-135\\13.8, I=9\\20.93, I=-8\\"
    tags = ("NMREDATA_1D_13C", "146.0\\20.9\\13.8\\"), ("NMREDATA_1D_13C#2", dept)
    (found,) = read(record(*tags))
    assert found.peaks is not None
    assert [peak.multiplicity for peak in found.peaks.peaks] == [None, "T", None]
    assert "1 peaks are CH2 by the signs" in remarks_of(found)
    (all_up,) = read(record(tags[0], (tags[1][0], dept.replace("-8", "8"))))
    assert all_up.peaks is not None
    assert {peak.multiplicity for peak in all_up.peaks.peaks} == {None}


def test_where_nothing_else_is_there_apt_is_a_spectrum_and_dept_is_none(read: Read) -> None:
    apt, dept = (
        read(record(("NMREDATA_1D_13C", f"Sequence={name}\\25.1, I=-1\\")))[0]
        for name in ("jmod", "dept90")
    )
    assert apt.peaks is not None
    assert dept.peaks is None
    assert "is a dept90, no spectrum of all atoms" in str(dept.reason)


def test_empty_spectra_of_nmrshiftdb2_are_passed_over(read: Read) -> None:
    (found,) = read(record(("Spectrum 13C 0", "25.1;0.0Q;0|"), ("Spectrum 13C 1", "\n")))
    assert found.peaks is not None
    assert found.peaks.shifts_ppm == (25.1,)
    assert "Spectrum 13C 1 is empty" in remarks_of(found)


def test_a_tag_that_says_two_things_is_refused(read: Read) -> None:
    tags = [("NMREDATA_SOLVENT", "CDCl3\\"), ("NMREDATA_SOLVENT", "C6D6\\")]
    (found,) = read(record(*tags, ("NMREDATA_1D_13C", "25.1\\")))
    assert "NMREDATA_SOLVENT is given twice" in str(found.reason)


def test_a_molfile_that_cannot_be_read_costs_no_peaks(read: Read) -> None:
    tags = (*NAMED, ("NMREDATA_1D_13C", "25.1, L=a\\63.4, L=b\\"))
    (found,) = read(record(*tags, block="title\n\n\nno molfile\n"))
    assert found.structure is None
    assert "on line 4" in str(found.reason)
    assert found.peaks is not None
    assert [(p.shift_ppm, p.n_carbons) for p in found.peaks.peaks] == [(25.1, 2), (63.4, None)]


def test_a_counts_line_one_column_short_is_read_and_said(read: Read) -> None:
    block = BLOCK.replace("  4  3  0", " 4  3  0")
    (found,) = read(record(("NMREDATA_1D_13C", "25.1\\"), block=block))
    assert found.structure == PROPANOL
    assert "read leniently" in remarks_of(found)


def test_a_letter_of_another_encoding_harms_its_own_tag_alone(tmp_path: Path) -> None:
    text = record(("Author", "Jörg"), ("NMREDATA_1D_13C", "25.1\\"))
    for encoding in ("cp1252", "utf-16", "utf-16-le"):
        (tmp_path / "a.sdf").write_bytes(text.encode(encoding))
        (found,) = read_sdf_spectra(tmp_path / "a.sdf")
        assert found.peaks is not None
        assert found.peaks.shifts_ppm == (25.1,)


@given(assigned())
def test_nmredata_keeps_multiplicities(
    tmp_path_factory: pytest.TempPathFactory, molecule: tuple[Structure, list[float | None]]
) -> None:
    structure, shifts = molecule
    file = tmp_path_factory.mktemp("sdf") / "a.sdf"
    file.write_text(write_nmredata_record(structure, shifts))
    (found,) = read_sdf_spectra(file)
    assert found.peaks is not None
    assert found.peaks.remarks == ()
    for peak in found.peaks.peaks:
        for atom in peak.atoms:
            n_hydrogens = structure.n_hydrogens[int(atom)]
            assert peak.multiplicity == (None if n_hydrogens == 4 else "SDTQ"[n_hydrogens])
            assert peak.note == ""
