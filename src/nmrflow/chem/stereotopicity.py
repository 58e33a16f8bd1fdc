"""Which constitutionally equivalent atoms may still differ: diastereotopic ones."""

from collections.abc import Iterator

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from nmrflow.chem.structure import Structure

_N_GEOMETRIES = 3
_MAX_ATTEMPTS = 5
_LABEL = 2  # Any isotope: it marks the atom, and changes no bond.


def stereotopic_classes(structure: Structure) -> tuple[int, ...]:
    """For each atom a number that it shares with the atoms it always has one shift with.

    Atoms that are equivalent by their bonds alone (:attr:`Structure.symmetry_classes`) differ if
    they are diastereotopic: the methyls of an isopropyl group in a molecule with a stereocentre,
    or those of ``C=C(C)C``, one cis and one trans. Each is put to the test of substitution: two
    atoms are diastereotopic if marking one or the other gives molecules that are neither the same
    nor mirror images. A structure holds no stereochemistry, so a few geometries of it are tried,
    and of these the one that tells most atoms apart is taken.

    Example:
        >>> classes = stereotopic_classes(Structure.from_smiles("CC(C)C(C)CC"))
        >>> classes[0] == classes[2], len(set(classes))
        (False, 7)
    """
    own = structure.symmetry_classes
    shared = [k for k, name in enumerate(own) if own.count(name) > 1]
    best = own
    if shared:
        for mol, mirrored in _geometries(structure.to_mol()):
            marked = {k: min(_marked(mol, k), _marked(mirrored, k)) for k in shared}
            names = [(name, marked.get(k, "")) for k, name in enumerate(own)]
            numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
            if len(numbers) > len(set(best)):
                best = tuple(numbers[name] for name in names)
    return best


def _geometries(mol: Chem.Mol) -> Iterator[tuple[Chem.Mol, Chem.Mol]]:
    """The molecule in some of its shapes, each with its mirror image; none where none is found."""
    is_flat = not any(a.GetDegree() > 2 for a in mol.GetAtoms())
    if is_flat:
        return
    with rdBase.BlockLogs():
        ids = rdDistGeom.EmbedMultipleConfs(
            mol, _N_GEOMETRIES, maxAttempts=_MAX_ATTEMPTS, randomSeed=1
        )
    for conformer in ids:
        shaped = Chem.Mol(mol)
        Chem.AssignAtomChiralTagsFromStructure(shaped, conformer)
        Chem.DetectBondStereochemistry(shaped, conformer)
        mirrored = Chem.Mol(shaped)
        for atom in mirrored.GetAtoms():
            atom.InvertChirality()
        yield shaped, mirrored


def _marked(mol: Chem.Mol, atom: int) -> str:
    """The canonical text, with stereochemistry, of the molecule with one atom marked."""
    marked = Chem.Mol(mol)
    marked.GetAtomWithIdx(atom).SetIsotope(_LABEL)
    Chem.AssignStereochemistry(marked, cleanIt=True, force=True)
    return str(Chem.MolToSmiles(marked))
