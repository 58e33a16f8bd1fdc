"""Make the embedded molecules anew: ``PYTHONPATH=data python -m embedded.make``."""

import csv
import gzip
import io
from pathlib import Path

from embedded.additivity import predict_shifts
from embedded.enumeration import enumerate_hydrocarbons
from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.structure import Structure
from nmrflow.data.sources.embedded import COLUMNS, FILE
from nmrflow.errors import StructureError
from nmrflow.files.writing import written_whole


def generate() -> list[tuple[Structure, tuple[float, ...]]]:
    """All molecules of the enumeration that the additivity rules cover.

    Returns:
        Pairs of a structure and its shifts in ppm, one per carbon in the structure's atom
        order, sorted by number of atoms and then by bond table. Cyclopropane alone has a
        negative shift.
    """
    pairs = []
    for structure in enumerate_hydrocarbons():
        try:
            pairs.append((structure, predict_shifts(structure)))
        except StructureError:  # Outside the rules: left out rather than predicted badly.
            continue
    # RDKit's canonical SMILES may change between versions; the bond tables made here do not.
    return sorted(pairs, key=lambda pair: (pair[0].n_atoms, pair[0].bonds))


def write(file: Path) -> None:
    """Write what :func:`generate` gives; the same bytes every time."""
    text, codec = io.StringIO(), BondTensorCodec()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for structure, shifts in generate():
        writer.writerow([codec.encode_digits(structure), " ".join(map(str, shifts))])
    with written_whole(file) as unfinished:
        unfinished.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


if __name__ == "__main__":
    write(FILE)
