"""What may be known of a molecule as numbers: its elements, hydrogens, and kinds of carbon."""

from collections.abc import Mapping, Sequence

from nmrflow.chem.codecs.table import AtomKind
from nmrflow.chem.domain import Domain
from nmrflow.chem.formula import parse_formula
from nmrflow.chem.structure import Structure

UNKNOWN = -1

N_KINDS_OF_CARBON = 4
"""C, CH, CH2 and CH3."""


class Totals:
    """Heavy atoms of each element, then hydrogens, then carbons with 0, 1, 2 and 3 hydrogens.

    Args:
        elements: Symbols, in the order of their totals.
    """

    def __init__(self, elements: Sequence[str]) -> None:
        self.elements = tuple(elements)
        self.n = len(self.elements) + 1 + N_KINDS_OF_CARBON

    @staticmethod
    def most_bonds(domain: Domain, element: str) -> int:
        """How much an atom adds at most to the sum of valences of a molecule without net charge.

        There that sum is the one of valences less charges, which are alike for most of an
        element's types: 3 of nitrogen, whether it is an amine's or a nitro group's.
        """
        return max(t.valence - t.charge for t in domain.atom_types if t.element == element)

    def of_kind(self, kind: AtomKind) -> tuple[int, ...]:
        """What an atom of a kind that tells its hydrogens adds to each total, ``(n,)``."""
        return self._of_atom(kind.type.element, kind.n_hydrogens or 0)

    def of(self, structure: Structure) -> tuple[int, ...]:
        """The totals of a structure, ``(n,)``."""
        atoms = zip(structure.elements, structure.n_hydrogens, strict=True)
        return tuple(map(sum, zip(*(self._of_atom(*atom) for atom in atoms), strict=True)))

    def known(
        self,
        formula: str | Mapping[str, int] | None = None,
        n_carbons: Sequence[int | None] = (),
    ) -> tuple[int, ...]:
        """What is known, :data:`UNKNOWN` for all else.

        Args:
            formula: A whole formula, whose missing elements are 0; or some elements' numbers.
            n_carbons: Carbons with 0, 1, 2 and 3 hydrogens, None for one that is not known.

        Raises:
            StructureError: If the formula is none.
        """
        if isinstance(formula, str):
            formula = dict.fromkeys((*self.elements, "H"), 0) | parse_formula(formula)
        of_elements = [(formula or {}).get(e, UNKNOWN) for e in (*self.elements, "H")]
        carbons = [UNKNOWN if n is None else n for n in n_carbons]
        carbons += [UNKNOWN] * (N_KINDS_OF_CARBON - len(carbons))
        return (*of_elements, *carbons)

    def _of_atom(self, element: str, n_hydrogens: int) -> tuple[int, ...]:
        carbon = n_hydrogens if element == "C" and n_hydrogens < N_KINDS_OF_CARBON else None
        return (
            *(int(own == element) for own in self.elements),
            n_hydrogens,
            *(int(k == carbon) for k in range(N_KINDS_OF_CARBON)),
        )
