"""Molecules as other programs write them: SMILES, InChI, InChIKey and molfile blocks."""

import re
from collections import Counter

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from nmrflow.chem.molfile import parse_molfile
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError
from nmrflow.limits import MAX_NOTATION

# Outside brackets two letters are an element only of these; inside, hydrogens follow an element.
_SYMBOL = re.compile(r"Br|Cl|(?<=\[)(?:Se|Si|se|as|As|Na|Li)|[BCNOPSFIbcnopsH]")
_N_REASON_CHARACTERS = 160
_N_SHOWN_CHARACTERS = 60


_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_NAME = re.compile(r"[A-Za-z]?[a-z]{3,}([ -][A-Za-z]+)*")
"""In which letters come as in no SMILES."""


def structure_from_smiles(text: str) -> Structure:
    """Read one SMILES, without a name behind it.

    Where the SMILES is well written but no molecule, the error says what is wrong with the
    molecule.

    Raises:
        StructureError: In one sentence, if it cannot be read or is none of nmrflow's structures
            (see :meth:`Structure.from_mol`).
    """
    _check_characters(text, "SMILES")
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    if mol is None:
        problem = _chemistry_problem(text)
        why = f"is refused ({problem})"
        if problem is None:
            why = f"is no SMILES that RDKit can read{_hint(text)}"
        raise StructureError(f"{_shown(text)} {why}")
    return _from_mol(mol)


def _hint(text: str) -> str:
    if _INCHIKEY.fullmatch(text):
        return "; an InChIKey does not tell its molecule: give the SMILES or the InChI"
    if _NAME.fullmatch(text):
        return "; names are not read: give the SMILES or the InChI"
    return ""


def structure_from_inchi(text: str) -> Structure:
    """Read one InChI, standard or not, without a name behind it.

    Mobile hydrogens stand where RDKit puts them: an InChI does not tell one tautomer from another.

    Raises:
        StructureError: As :func:`structure_from_smiles`.
    """
    _check_characters(text, "InChI")
    with rdBase.BlockLogs():
        mol = Chem.MolFromInchi(text)  # type: ignore[no-untyped-call]
    if mol is None:
        raise StructureError(f"{_shown(text)} is no InChI that RDKit can read")
    return _from_mol(mol)


def read_molblock(block: str) -> tuple[Structure, str | None]:
    """The structure of a molfile block, and what is to be said of it.

    That is what of the format it breaks, where it was read anyway, and what of a salt was left
    out.

    Raises:
        StructureError: As :func:`structure_from_smiles`.
    """
    try:
        molfile = parse_molfile(block, is_lenient=True)
        structure, remark = molfile.largest_part()
        return structure, "; ".join(filter(None, (molfile.remark, remark))) or None
    except (ValueError, RuntimeError) as error:
        raise StructureError(plain_reason(error)) from error


def formula_of_smiles(text: str) -> str | None:
    """The formula in Hill order of a SMILES, without more; None where RDKit cannot read it."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    return None if mol is None else str(CalcMolFormula(mol))


def heavy_atoms_of_smiles(text: str) -> tuple[tuple[str, int], ...]:
    """How many heavy atoms of each element a SMILES writes, by its letters alone: fast."""
    symbols = (symbol.capitalize() for symbol in _SYMBOL.findall(text))
    return tuple(sorted(Counter(s for s in symbols if s != "H").items()))


def order_of_smiles(structure: Structure) -> tuple[int, ...]:
    """The atoms in the order in which :attr:`Structure.connectivity` writes them."""
    mol = structure.to_mol()
    Chem.MolToSmiles(mol, isomericSmiles=False)
    written = mol.GetPropsAsDict(includePrivate=True, includeComputed=True)
    return tuple(written["_smilesAtomOutputOrder"])


def inchikey(structure: Structure) -> str:
    """The standard InChIKey of a structure, which says nothing of stereochemistry.

    Raises:
        StructureError: If there is none, as for molecules beyond InChI's own limit of size.
    """
    with rdBase.BlockLogs():
        key = str(Chem.MolToInchiKey(structure.to_mol()))  # type: ignore[no-untyped-call]
    if not key:
        raise StructureError(f"{structure.formula} has no InChIKey: InChI refuses the structure")
    return key


def inchi(structure: Structure) -> str:
    """The standard InChI of a structure; errors as of :func:`inchikey`."""
    with rdBase.BlockLogs():
        text = str(Chem.MolToInchi(structure.to_mol()))  # type: ignore[no-untyped-call]
    if not text:
        raise StructureError(f"{structure.formula} has no InChI: InChI refuses the structure")
    return text


def write_molblock(structure: Structure | None, name: str = "") -> str:
    """Write a molfile block: V2000 (V3000 beyond 999 atoms), with a flat drawing's coordinates.

    Args:
        structure: Its atom order and its own Kekulé form are kept; hydrogens stay implicit.
            None gives a block without atoms.
        name: The title, put on one line.

    Returns:
        Text that ends with ``M  END`` and a line end.

    Raises:
        StructureError: If RDKit refuses the structure.
    """
    mol = Chem.Mol() if structure is None else _drawn(structure)
    # A title that begins with one of these would be read as the end or as a tag of a record.
    mol.SetProp("_Name", on_one_line(name).lstrip("$> "))
    return str(Chem.MolToMolBlock(mol, kekulize=False))


def on_one_line(text: str) -> str:
    """The text without line ends or other control characters, and with single blanks."""
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    if encodable.isprintable():
        return " ".join(encodable.split())
    return " ".join("".join(c if c.isprintable() else " " for c in encodable).split())


def plain_reason(error: Exception) -> str:
    """What an error says in one short line, without the places in RDKit's own sources."""
    lines = str(error).splitlines()
    said = [line for line in lines if not line.strip().startswith(("Violation occurred", "***"))]
    reason = on_one_line(" ".join(said[:3])) or type(error).__name__
    return _cut(reason, _N_REASON_CHARACTERS)


def _drawn(structure: Structure) -> Chem.Mol:
    """A molecule with flat coordinates, in the structure's own Kekulé form."""
    mol = structure.to_mol()
    rdDepictor.Compute2DCoords(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    for bond, told in zip(mol.GetBonds(), structure.bonds, strict=True):
        bond.SetBondType(Chem.BondType.values[told.order])
    return mol


def _from_mol(mol: Chem.Mol) -> Structure:
    try:
        return Structure.from_mol(mol)
    except (ValueError, RuntimeError) as error:
        raise StructureError(plain_reason(error)) from error


def _check_characters(text: str, form: str) -> None:
    if not text:
        raise StructureError(f"no {form} but an empty text")
    if len(text) > MAX_NOTATION:
        raise StructureError(
            f"{_shown(text)} has {len(text):,} characters, and {MAX_NOTATION:,} at most are read"
        )
    # RDKit stops at a blank or a null character, and would read what stands before it.
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise StructureError(f"{_shown(text)} holds characters that no {form} has")


def _shown(text: str) -> str:
    return repr(_cut(on_one_line(text[: 2 * _N_SHOWN_CHARACTERS]), _N_SHOWN_CHARACTERS))


def _cut(text: str, n_characters: int) -> str:
    return text if len(text) <= n_characters else f"{text[:n_characters]}..."


def _chemistry_problem(smiles: str) -> str | None:
    """What is chemically wrong with a SMILES that RDKit can parse but not accept, or None."""
    with rdBase.BlockLogs():
        try:
            mol = Chem.MolFromSmiles(smiles, sanitize=False)
            problems = [] if mol is None else Chem.DetectChemistryProblems(mol)
        except (ValueError, RuntimeError):
            return None
    return on_one_line(problems[0].Message()) if problems else None
