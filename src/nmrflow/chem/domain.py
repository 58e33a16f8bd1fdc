"""Which molecules a network knows, and plain words for those that it does not."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nmrflow.chem.formula import hill, parse_formula
from nmrflow.chem.structure import Structure
from nmrflow.errors import ConfigError, StructureError
from nmrflow.limits import MAX_DOMAIN_ATOMS


class AtomType(NamedTuple):
    """A kind of atom.

    Args:
        element: Symbol.
        charge: Formal charge.
        valence: Bond orders and hydrogens together.
    """

    element: str
    charge: int
    valence: int

    def __str__(self) -> str:
        charge = f" with charge {self.charge:+d}" if self.charge else ""
        return f"{self.element}{charge} of valence {self.valence}"


class Domain:
    """Molecules of some kinds of atoms, of limited size.

    The one place that says what a codec, a network, a generator and a command know.

    Args:
        atom_types: Element, charge and valence of each kind; their order is that of the numbers
            that stand for them.
        max_atoms: Most heavy atoms of a molecule.
        min_atoms: Fewest.

    Raises:
        ConfigError: If there is no kind, one stands twice, or the sizes hold nothing or too much.
    """

    def __init__(
        self, atom_types: Sequence[Sequence[str | int]], max_atoms: int, min_atoms: int = 1
    ) -> None:
        self.atom_types = tuple(AtomType(str(e), int(c), int(v)) for e, c, v in atom_types)
        self.max_atoms = max_atoms
        self.min_atoms = min_atoms
        if not self.atom_types or len(set(self.atom_types)) < len(self.atom_types):
            raise ConfigError("a domain needs kinds of atoms, each once")
        if not 1 <= min_atoms <= max_atoms:
            raise ConfigError(
                f"min_atoms={min_atoms}, max_atoms={max_atoms}: nothing lies between"
            )
        if max_atoms > MAX_DOMAIN_ATOMS:
            raise ConfigError(f"max_atoms={max_atoms}: {MAX_DOMAIN_ATOMS:,} is the most")
        self._number = {(t.element, t.charge, t.valence): k for k, t in enumerate(self.atom_types)}
        self.elements = tuple(dict.fromkeys(t.element for t in self.atom_types))
        self.is_hydrocarbon = self.elements == ("C",)

    @property
    def valences(self) -> tuple[int, ...]:
        """Of each kind of atom."""
        return tuple(t.valence for t in self.atom_types)

    @property
    def tells_kinds(self) -> bool:
        """Whether a formula says how many atoms of each kind there are: one kind an element."""
        return len(self.elements) == len(self.atom_types)

    def describe(self) -> str:
        """What is known, in a few words."""
        what = "hydrocarbons" if self.is_hydrocarbon else f"molecules of {self._known()}"
        return f"{what} of {self.min_atoms} to {self.max_atoms} {self._atoms(2)}"

    def check(self, structure: Structure) -> None:
        """Refuse what is not known.

        Raises:
            StructureError: In a sentence that says what is too much.
        """
        if (reason := self.refusal(structure)) is not None:
            raise StructureError(reason)

    def refusal(self, structure: Structure) -> str | None:
        """Why a structure is not known, in a sentence, or None where it is."""
        foreign = sorted(set(structure.elements) - set(self.elements))
        if foreign:
            known = "hydrocarbons, of C and H," if self.is_hydrocarbon else self._known()
            return f"{structure.formula} contains {', '.join(foreign)}: only {known} are known"
        if not self.min_atoms <= structure.n_atoms <= self.max_atoms:
            return (
                f"{structure.formula} has {structure.n_atoms} {self._atoms(structure.n_atoms)}: "
                f"{self.min_atoms} to {self.max_atoms} are known"
            )
        for atom, kind in enumerate(self._kinds(structure)):
            if kind not in self._number:
                return (
                    f"{structure.formula} holds {AtomType(*kind)} (atom {atom}): that kind of "
                    f"{kind[0]} is not known"
                )
        return None

    def has_kinds_of(self, structure: Structure) -> bool:
        """Whether all atoms are of known kinds, whatever the molecule's size."""
        return all(kind in self._number for kind in self._kinds(structure))

    def kinds_of(self, structure: Structure) -> tuple[int, ...]:
        """The number of each atom's kind, from 0; raises as :meth:`check`."""
        self.check(structure)
        return tuple(self._number[kind] for kind in self._kinds(structure))

    def check_formula(self, formula: str) -> None:
        """Refuse a formula of no molecule that is known.

        Raises:
            StructureError: As :meth:`count`, but for one that does not say of which kinds atoms
                are.
        """
        if self.tells_kinds:
            self.count(formula)
            return
        counts = parse_formula(formula)
        counts.pop("H", 0)
        self._check_formula(formula, counts)
        if not self.min_atoms <= (n_atoms := sum(counts.values())) <= self.max_atoms:
            raise StructureError(
                f"the formula {formula.strip()} has {n_atoms} {self._atoms(n_atoms)}: "
                f"{self.min_atoms} to {self.max_atoms} are known"
            )

    def count(self, formula: str) -> tuple[int, ...]:
        """Atoms of each kind, and the sum of all bond orders, that a formula says.

        Raises:
            StructureError: If it is no formula, of no molecule of this domain, or does not say
                of which kind an element's atoms are.
        """
        counts = parse_formula(formula)
        n_hydrogens = counts.pop("H", 0)
        self._check_formula(formula, counts)
        if not self.tells_kinds:
            raise StructureError(
                f"the formula {formula.strip()} does not say of which kinds its atoms are; this "
                "network cannot be told it"
            )
        n_of = [counts.get(t.element, 0) for t in self.atom_types]
        n_atoms = sum(n_of)
        free = sum(n * valence for n, valence in zip(n_of, self.valences, strict=True))
        total, odd = divmod(free - n_hydrogens, 2)
        is_possible = self.min_atoms <= n_atoms <= self.max_atoms
        if not is_possible or odd or total < n_atoms - 1:
            raise StructureError(
                f"no molecule of {self.min_atoms} to {self.max_atoms} {self._atoms(2)} has the "
                f"formula {formula.strip()}"
            )
        return (*n_of, total)

    def formula(self, counted: Sequence[int]) -> str:
        """The formula of what :meth:`count` gives."""
        *n_of, total = counted
        free = sum(n * valence for n, valence in zip(n_of, self.valences, strict=True))
        found = {t.element: n for t, n in zip(self.atom_types, n_of, strict=True)}
        return hill({**found, "H": free - 2 * total})

    def _check_formula(self, formula: str, counts: Mapping[str, int]) -> None:
        if set(counts) <= set(self.elements) and counts:
            return
        known = "a hydrocarbon" if self.is_hydrocarbon else f"a molecule of {self._known()}"
        raise StructureError(f"formula {formula!r} is none of {known}, as C10H14 is")

    def _kinds(self, structure: Structure) -> list[tuple[str, int, int]]:
        charges = structure.charges or (0,) * structure.n_atoms
        return list(zip(structure.elements, charges, structure.valences, strict=True))

    def _known(self) -> str:
        *first, last = dict.fromkeys(("C", "H", *self.elements))
        return f"{', '.join(first)} and {last}"

    def _atoms(self, n: int) -> str:
        noun = "carbon" if self.is_hydrocarbon else "heavy atom"
        return noun if n == 1 else f"{noun}s"
