"""How far the additivity rules lie from measured 13C shifts.

For every molecule that is both in the embedded data and in a table of measured spectra (the
paper's, as data=revmolspec reads it), the distinct predicted
shifts are matched to the centres of the occupied bins with the least total deviation. What has
no partner is counted as unmatched: two shifts in one bin, or shifts that differ for atoms that
the rules cannot tell apart. Shifts outside the bins count as lying in the first or last one.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from embedded.additivity import predict_shifts
from embedded.enumeration import FAMILIES, enumerate_hydrocarbons
from nmrflow.data.sources.revmolspec import RevMolSpec
from nmrflow.errors import StructureError, errors_for_people
from nmrflow.files.writing import write_text
from nmrflow.spectra.axis import ShiftAxis

AXIS = ShiftAxis()
Shifts = NDArray[np.float64]


class Match(NamedTuple):
    """One measured spectrum against its prediction."""

    family: str
    connectivity: str
    deviations: list[float]
    unmatched_predicted: int
    unmatched_measured: int


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
    low, high = AXIS.fine_centres_ppm([0, AXIS.n_fine_bins - 1])
    predicted = np.unique(np.clip(shifts, low, high))
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
    with errors_for_people():
        records = RevMolSpec(str(arguments.csv)).read().records
    for record in records:
        if (key := record.structure.connectivity) in known:
            measured = np.array(record.peaks.shifts_ppm)
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
        write_text(arguments.output, json.dumps({"families": lines, "worst": worst}, indent=2))


if __name__ == "__main__":
    main()
