"""Isomers of measured molecules, from lists of SMILES."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from nmrflow.chem.domain import Domain
from nmrflow.chem.notation import formula_of_smiles, heavy_atoms_of_smiles
from nmrflow.chem.similarity import fingerprints, tanimoto
from nmrflow.chem.structure import Structure
from nmrflow.console import progress
from nmrflow.data.records import Record
from nmrflow.errors import StructureError
from nmrflow.evaluation.trials import N_ISOMERS
from nmrflow.files.reading import open_text
from nmrflow.numerics import generator_for

MOST_OF_A_FORMULA = 5_000
"""Molecules of one formula that are kept, the first in the lists."""


class IsomerLists:
    """Molecules of the formulas that are wanted, from lists and from measured records.

    Args:
        files: SMILES, one a line, plain or ``.gz``.
        records: Measured molecules, which are isomers of each other too.
        formulas: Those wanted.
        domain: Of the molecules.

    Raises:
        DataError: If a list cannot be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        records: Sequence[Record],
        formulas: frozenset[str],
        domain: Domain,
    ) -> None:
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for structure in (record.structure for record in records):
            if structure.formula in formulas:
                found[structure.formula][structure.connectivity] = None
        heavy = {heavy_atoms_of_smiles(name) for names in found.values() for name in names}
        for file in files:
            for text in progress(_smiles_of(file), None, f"reading {file.name}"):
                if heavy_atoms_of_smiles(text) not in heavy:
                    continue
                formula = formula_of_smiles(text)
                if formula in formulas and len(found[formula]) < MOST_OF_A_FORMULA:
                    try:
                        structure = Structure.from_smiles(text)
                    except StructureError:
                        continue
                    if domain.refusal(structure) is None:
                        found[formula][structure.connectivity] = None
        self._names = {formula: [*names] for formula, names in found.items()}

    def choose(self, records: Sequence[Record], *, nearest: bool, seed: int) -> list[list[str]]:
        """Up to :data:`nmrflow.evaluation.trials.N_ISOMERS` of each record's molecule, as text.

        Args:
            records: Of formulas that were wanted.
            nearest: The most similar (Tanimoto); else drawn at random.
            seed: Of the draws.
        """
        chosen = []
        prints = {
            formula: fingerprints(self._names[formula])
            for formula in {record.structure.formula for record in records if nearest}
        }
        for k, record in enumerate(records):
            truth, formula = record.structure.connectivity, record.structure.formula
            names = self._names[formula]
            if nearest:
                order = (-tanimoto(fingerprints([truth]), prints[formula])[0]).argsort(
                    kind="stable"
                )
            else:
                generator = generator_for(seed, "ranking", k)
                order = torch.randperm(len(names), generator=generator).numpy()
            others = (names[row] for row in order if names[row] != truth)
            chosen.append(list(itertools.islice(others, N_ISOMERS)))
        return chosen


def _smiles_of(file: Path) -> Iterator[str]:
    with open_text(file, "a list of SMILES, one a line", is_setting=False) as lines:
        for line in lines:
            if words := line.split():
                yield words[0]
