"""How heavy molecules are."""

from rdkit import Chem

from nmrflow.chem.structure import Structure

_ELECTRON_U = 0.000548579909  # CODATA 2018


def monoisotopic_mass(structure: Structure) -> float:
    """Mass in u, each atom its element's commonest isotope (masses as RDKit has them).

    Of an ion the electrons that it lacks are taken off.

    Example:
        >>> round(monoisotopic_mass(Structure.from_smiles("CC(C)C1CCC(C)CC1O")), 4)
        156.1514
    """
    table = Chem.GetPeriodicTable()
    mass = sum(structure.n_hydrogens) * table.GetMostCommonIsotopeMass("H")
    mass += sum(table.GetMostCommonIsotopeMass(element) for element in structure.elements)
    return float(mass - sum(structure.charges) * _ELECTRON_U)
