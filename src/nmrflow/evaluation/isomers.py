"""Isomers of measured molecules: from lists of SMILES, measured ones, and edits of their own."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from nmrflow.chem.domain import Domain
from nmrflow.chem.generation.isomers import isomers_of
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

N_TRIES = 100
"""Of each molecule, to make an isomer by edits."""


class IsomerLists:
    """Molecules of the formulas that are wanted.

    Args:
        files: SMILES, one a line, plain or ``.gz``.
        records: Measured molecules, which are isomers of each other too.
        wanted: Those whose isomers are looked for; of each some edits are made.
        domain: Of the molecules.
        seed: Of the edits.

    Raises:
        DataError: If a list cannot be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        records: Sequence[Record],
        wanted: Sequence[Record],
        domain: Domain,
        seed: int,
    ) -> None:
        found: dict[str, dict[str, None]] = {record.structure.formula: {} for record in wanted}
        for structure in (record.structure for record in records):
            if structure.formula in found:
                found[structure.formula][structure.connectivity] = None
        heavy = {heavy_atoms_of_smiles(record.structure.connectivity) for record in wanted}
        for file in files:
            for text in progress(_smiles_of(file), None, f"reading {file.name}"):
                # Counting letters is fast; most molecules are none of those.
                if heavy_atoms_of_smiles(text) not in heavy:
                    continue
                own = found.get(formula_of_smiles(text) or "")
                if own is not None and len(own) < MOST_OF_A_FORMULA:
                    own.update(_within(text, domain))
        for k, record in enumerate(progress(wanted, len(wanted), "editing molecules")):
            made = isomers_of(record.structure, domain, N_TRIES, seed + k)
            found[record.structure.formula] |= dict.fromkeys(one.connectivity for one in made)
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


def _within(text: str, domain: Domain) -> dict[str, None]:
    try:
        structure = Structure.from_smiles(text)
    except StructureError:
        return {}
    return {} if domain.refusal(structure) else {structure.connectivity: None}


def _smiles_of(file: Path) -> Iterator[str]:
    with open_text(file, "a list of SMILES, one a line", is_setting=False) as lines:
        for line in lines:
            if words := line.split():
                yield words[0]
