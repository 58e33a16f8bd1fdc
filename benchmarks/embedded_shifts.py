"""How far the additivity rules lie from measured 13C shifts.

For every molecule that is both in the embedded data and in a CSV file of measured spectra
(columns A, B, C, D: C holds 136 bond digits, D 1024 bins of 0.2 ppm), the distinct predicted
shifts are matched to the centres of the occupied bins with the least total deviation. What has
no partner is counted as unmatched: two shifts in one bin, or shifts that differ for atoms that
the rules cannot tell apart. Shifts outside the bins count as lying in the first or last one.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from nmrflow.chem.additivity import predict_shifts
from nmrflow.chem.enumeration import FAMILIES, enumerate_hydrocarbons
from nmrflow.chem.structure import Structure, sort_bonds
from nmrflow.errors import StructureError

BIN_PPM = 0.2
N_BINS = 1024
PLACES = [(i, k + 1) for i in range(16) for k in range(i, 16)]
Shifts = NDArray[np.float64]
BONDS = {"1": (1, False), "2": (2, False), "3": (3, False), "6": (1, True), "7": (2, True)}


class Match(NamedTuple):
    """One measured spectrum against its prediction."""

    family: str
    connectivity: str
    deviations: list[float]
    unmatched_predicted: int
    unmatched_measured: int


def read_rows(path: Path) -> Iterator[tuple[Structure, Shifts]]:
    """Structure and occupied bin centres (ppm) of every row."""
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            digits = zip(PLACES, row["C"], strict=True)
            bonds = [(*place, *BONDS[digit]) for place, digit in digits if digit != "0"]
            n_atoms = 1 + max(bond[1] for bond in bonds)
            occupied = np.array([place for place, bit in enumerate(row["D"]) if bit == "1"])
            yield Structure(("C",) * n_atoms, sort_bonds(bonds)), (occupied + 0.5) * BIN_PPM


def predictions() -> dict[str, tuple[str, tuple[float, ...]]]:
    """Family and predicted shifts (ppm) of every embedded molecule, by connectivity."""
    found = {}
    for family in FAMILIES:
        for structure in enumerate_hydrocarbons([family]):
            try:
                found[structure.connectivity] = (family, predict_shifts(structure))
            except StructureError:
                continue
    return found


def match(family: str, connectivity: str, shifts: tuple[float, ...], measured: Shifts) -> Match:
    """Assign the distinct ``shifts`` to the ``measured`` ones, all in ppm."""
    edge = BIN_PPM / 2
    predicted = np.unique(np.clip(shifts, edge, N_BINS * BIN_PPM - edge))
    distance = np.abs(predicted[:, None] - measured[None, :])
    rows, columns = linear_sum_assignment(distance)
    unmatched = (len(predicted) - len(rows), len(measured) - len(rows))
    return Match(family, connectivity, distance[rows, columns].tolist(), *unmatched)


def summarise(name: str, matches: list[Match]) -> dict[str, str | float | int]:
    """One line of the table."""
    deviations = np.array([value for item in matches for value in item.deviations])
    return {
        "family": name,
        "spectra": len(matches),
        "shifts": len(deviations),
        "mean_abs_ppm": round(float(deviations.mean()), 3),
        "median_abs_ppm": round(float(np.median(deviations)), 3),
        "p95_abs_ppm": round(float(np.quantile(deviations, 0.95)), 3),
        "unmatched_predicted": sum(item.unmatched_predicted for item in matches),
        "unmatched_measured": sum(item.unmatched_measured for item in matches),
    }


def main() -> None:
    """Print the table; write it and the worst molecules as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", type=Path, help="file of measured spectra")
    parser.add_argument("--output", type=Path, help="where to write the results as JSON")
    parser.add_argument("--worst", type=int, default=10, help="how many molecules to list")
    arguments = parser.parse_args()
    known = predictions()
    matches = []
    for structure, measured in read_rows(arguments.csv):
        if (key := structure.connectivity) in known:
            matches.append(match(known[key][0], key, known[key][1], measured))
    groups = [(family, [m for m in matches if m.family == family]) for family in FAMILIES]
    lines = [summarise(name, found) for name, found in (*groups, ("all", matches)) if found]
    for line in lines:
        print("  ".join(f"{key}={value}" for key, value in line.items()))
    matches.sort(key=lambda item: -float(np.mean(item.deviations)))
    worst = [item._asdict() for item in matches[: arguments.worst]]
    for item in worst:
        print(f"{np.mean(item['deviations']):6.2f}  {item['family']}  {item['connectivity']}")
    if arguments.output:
        arguments.output.write_text(json.dumps({"families": lines, "worst": worst}, indent=2))


if __name__ == "__main__":
    main()
