"""Molfile blocks (MDL V2000 and V3000), as SDF records carry them."""

import io
import logging
import re
from dataclasses import dataclass

from rdkit import Chem, rdBase

from nmrflow.chem.redrawn import say_redrawn
from nmrflow.chem.salts import main_part
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError


@dataclass(frozen=True)
class Molfile:
    """A parsed molfile, before any question of whether a codec can hold it.

    Args:
        elements: Symbol of every atom in file order, explicit hydrogens included: what
            0-based atom numbers elsewhere in the record refer to.
        remark: What of the format it breaks, where it could be read all the same.
    """

    elements: tuple[str, ...]
    _mol: Chem.Mol
    remark: str | None = None

    def structure(self) -> Structure:
        """The structure with the file's own Kekulé form; aromatic flags are RDKit's.

        Raises:
            StructureError: As :meth:`Structure.from_mol`, or if RDKit cannot sanitise it.
        """
        return self._structure(self._mol)

    def largest_part(self) -> tuple[Structure, str | None]:
        """The same; of a salt that of its largest part, and what was left out or redrawn.

        Its atoms are in the file's order, those of other parts not counted.

        Raises:
            StructureError: As :meth:`structure`, of a mixture too.
        """
        parts = Chem.GetMolFrags(self._mol, asMols=True, sanitizeFrags=False)
        main = main_part(parts)
        mol, remark = (self._mol, None) if main is None else (parts[main.place], main.remark)
        structure = self._structure(mol)
        return structure, "; ".join(filter(None, (remark, say_redrawn(mol, structure)))) or None

    @staticmethod
    def _structure(mol: Chem.Mol) -> Structure:
        flagged = Chem.Mol(mol)
        with rdBase.BlockLogs():
            try:
                perceived = Chem.Mol(mol)
                Chem.SanitizeMol(perceived)
            except (ValueError, RuntimeError) as error:
                raise StructureError(f"RDKit refuses the structure: {error}") from error
        for k in range(flagged.GetNumBonds()):  # RDKit's own sequences are slow
            flagged.GetBondWithIdx(k).SetIsAromatic(perceived.GetBondWithIdx(k).GetIsAromatic())
        return Structure.from_mol(flagged)


def parse_molfile(block: str, *, is_lenient: bool = False) -> Molfile:
    """Parse one molfile block, without judging its chemistry.

    Args:
        block: The text, from its title to ``M  END``.
        is_lenient: Whether to read one that breaks the format where its meaning is plain to
            RDKit; the result's ``remark`` says so.

    Raises:
        StructureError: If it is no readable molfile; the message has the line, from the title.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
    remark = None
    if mol is None:
        why = _complaint(block)
        with rdBase.BlockLogs():
            mol = Chem.MolFromMolBlock(
                block, sanitize=False, removeHs=False, strictParsing=not is_lenient
            )
        if mol is None:
            raise StructureError(f"no readable molfile block ({why}); export it again")
        remark = f"the molfile breaks the format and was read leniently ({why})"
    return Molfile(tuple(atom.GetSymbol() for atom in mol.GetAtoms()), mol, remark)


def _complaint(block: str) -> str:
    """Why RDKit refuses a block, in its words, which it tells to nobody but its log."""
    found = io.StringIO()
    logger = logging.getLogger("rdkit")
    rdBase.LogToPythonLogger()
    kept, logger.handlers = logger.handlers, [logging.StreamHandler(found)]
    try:
        Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
    except SystemError:
        # It cut its message within a letter, which no logger takes.
        return "RDKit cannot say why"
    finally:
        logger.handlers = kept
        rdBase.LogToCppStreams()
    said = re.sub(r"\[[0-9:]+\] ", "", found.getvalue()).strip().partition("\n")[0]
    return "".join(c if c.isprintable() else " " for c in said)[:160] or "RDKit does not say why"
