"""SMILES, InChI and molfile blocks: what is read, what is refused, and in which words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rdkit import Chem

from nmrflow.chem.notation import (
    inchikey,
    on_one_line,
    plain_reason,
    read_molblock,
    structure_from_inchi,
    structure_from_smiles,
    write_molblock,
)
from nmrflow.chem.structure import Structure, sort_bonds
from nmrflow.errors import StructureError

HETERO = [
    "CC(C)O",
    "c1ccc2[nH]ccc2c1",
    "CS(=O)(=O)c1ccccc1Br",
    "CP(C)(=O)OCC#N",
    "C[Si](C)(C)C#CCl",
    "O=c1cc[nH]cc1",
    "FC(F)(F)C1CC1",
    "C[N+](C)(C)C",
    "[O-][N+](=O)c1ccccc1",
    "CC[NH3+]",
    "CC(=O)[O-]",
    "[O-][n+]1ccccc1",
]


@pytest.mark.parametrize("smiles", HETERO)
def test_a_molecule_is_the_same_in_every_notation(smiles: str) -> None:
    structure = structure_from_smiles(smiles)
    inchi = Chem.MolToInchi(structure.to_mol())
    assert structure_from_inchi(inchi).connectivity == structure.connectivity
    assert inchikey(structure_from_inchi(inchi)) == inchikey(structure)
    assert read_molblock(write_molblock(structure))[0].connectivity == structure.connectivity


def test_inchikeys_are_the_standard_ones() -> None:
    assert inchikey(structure_from_smiles("CCO")) == "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"
    assert inchikey(structure_from_inchi("InChI=1S/C3H8O/c1-3(2)4/h3-4H,1-2H3")) == (
        "KFZMGEQAYNKOFK-UHFFFAOYSA-N"
    )


@given(st.from_type(Structure) | st.sampled_from(HETERO).map(Structure.from_smiles))
@example(Structure.from_smiles("C"))
def test_blocks_keep_atom_order_and_kekule_form(structure: Structure) -> None:
    back = read_molblock(write_molblock(structure))[0]
    assert back.elements == structure.elements
    assert back.charges == structure.charges
    assert back.formula == structure.formula
    assert [bond[:3] for bond in back.bonds] == [bond[:3] for bond in structure.bonds]


@given(data=st.data())
def test_blocks_keep_every_molecule(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    structure = data.draw(molecules)
    back = read_molblock(write_molblock(structure))[0]
    assert back.elements == structure.elements
    assert back.formula == structure.formula
    assert back.connectivity == structure.connectivity


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_kekule_forms_each_stays(first: int) -> None:
    ring = [(k, (k + 1) % 6, 1 + (k + first) % 2, True) for k in range(6)]
    benzene = Structure(("C",) * 6, sort_bonds(ring))
    assert read_molblock(write_molblock(benzene))[0] == benzene


def test_blocks_are_v2000_with_a_title_and_places() -> None:
    lines = write_molblock(structure_from_smiles("CCO"), "my  ethanol\n2").splitlines()
    assert lines[0] == "my ethanol 2"
    assert lines[3].endswith("V2000")
    assert lines[-1] == "M  END"
    places = {tuple(map(float, line.split()[:2])) for line in lines[4:7]}
    assert len(places) == 3


@pytest.mark.parametrize("title", ["$$$$", "> <TAG>", "$MDL", " $$$$\n> <x>", "\ud800\0x"])
def test_no_title_ends_a_record(title: str) -> None:
    block = write_molblock(structure_from_smiles("CC"), title)
    assert not block.startswith((">", "$"))
    assert "\0" not in block
    block.encode("utf-8")
    assert read_molblock(block)[0].connectivity == "CC"


def test_no_structure_is_a_block_without_atoms() -> None:
    block = write_molblock(None, "refused")
    assert block.startswith("refused\n")
    with pytest.raises(StructureError, match="no atoms"):
        read_molblock(block)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("", "no SMILES but an empty text"),
        ("no_smiles", "'no_smiles' is no SMILES that RDKit can read"),
        ("aspirin", "names are not read"),
        ("acetic-acid", "names are not read"),
        ("BSYNRYMUTXBXSQ-UHFFFAOYSA-N", "an InChIKey does not tell its molecule"),
        ("CC(C)(C)(C)C", r"valence for atom # 1 C, 5"),
        ("c1cccc1", "kekulize"),
        ("C.C", "2 molecules"),
        ("C[SH3]", r"atom 1 \(S\) has 3 hydrogens where its bonds leave 1"),
        ("[CH3]", "radical"),
        ("[2H]C", "isotope"),
        ("*C", "no element"),
        ("C->[Fe]", "DATIVE"),
        ("CC name", "characters that no SMILES has"),
        ("C\0C", "characters that no SMILES has"),
        ("CÖ", "characters that no SMILES has"),
        ("\udc80", "characters that no SMILES has"),
        ("C" * 5000 + "(", "no SMILES"),
    ],
)
def test_refused_smiles(smiles: str, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StructureError, match=reason) as refusal:
        structure_from_smiles(smiles)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("inchi", "reason"),
    [
        ("", "no InChI but an empty text"),
        ("InChI=1S/", "no InChI that RDKit can read"),
        ("CCO", "'CCO' is no InChI"),
        ("InChI=1S/ClH.Na/h1H;/q;+1/p-1", "2 molecules"),
        ("InChI=1S/CH4/h1H4\0x", "characters that no InChI has"),
    ],
)
def test_refused_inchis(inchi: str, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StructureError, match=reason):
        structure_from_inchi(inchi)
    assert capfd.readouterr() == ("", "")


def test_reasons_are_short_and_without_places_in_sources() -> None:
    noise = (
        "Pre-condition Violation\n\tbad bond\n\tViolation occurred on line 7 in file x.cpp\n****"
    )
    assert plain_reason(RuntimeError(noise)) == "Pre-condition Violation bad bond"
    assert plain_reason(RuntimeError()) == "RuntimeError"
    assert len(plain_reason(ValueError("x" * 999))) < 200


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = on_one_line(text)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")
