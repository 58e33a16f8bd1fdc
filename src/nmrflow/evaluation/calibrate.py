"""Calibrate answers: ``python -m nmrflow.evaluation.calibrate RUN DATA --output FILE``.

RUN was trained on the inner split, so that its validation side is part of the outer training
side. What is chosen there holds for a network trained on the whole training side by the same
recipe: FILE goes beside its checkpoint, as ``NAME.calibration.json`` beside ``NAME.ckpt``.

A network of hydrocarbons brings its corpus, from which isomers come, and DATA is the published
table. Of one of many kinds of atoms DATA is what it was trained on, and isomers come from lists of
SMILES; what is said of its own candidates is calibrated apart, into a file that is there already:
``--among FILE``.
"""

import argparse
from pathlib import Path

import torch

from nmrflow.console import quiet_libraries, say
from nmrflow.errors import DataError, errors_for_people
from nmrflow.evaluation.calibrating import calibrate, calibrate_among, calibrate_ranking
from nmrflow.files.writing import check_writable, write_text
from nmrflow.model.calibration import SUFFIX, read_calibration


def main() -> None:
    """Calibrate and write."""
    parser = argparse.ArgumentParser(prog="nmrflow.evaluation.calibrate", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a run on the inner split")
    parser.add_argument("data", type=Path, help="measured spectra: see above")
    parser.add_argument(
        "--isomers", nargs="+", type=Path, metavar="FILE", help="SMILES, one a line: see above"
    )
    parser.add_argument(
        "--among",
        type=Path,
        metavar="FILE",
        help="calibrate what is said of the network's own candidates; all else stays as in FILE",
    )
    parser.add_argument(
        "--most", type=int, default=500, help="spectra drawn, of --isomers or --among"
    )
    parser.add_argument("--output", type=Path, required=True, help="NAME.calibration.json")
    parser.add_argument("--samples", type=int, default=600, help="draws for each spectrum")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--shifts",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="shifts in ppm between which all of the domain's molecules lie",
    )
    given = parser.parse_args()
    quiet_libraries()
    with errors_for_people():
        if not given.output.name.endswith(SUFFIX):
            raise DataError(f"{given.output}: give a name that ends with {SUFFIX}")
        check_writable(given.output)
        torch.set_num_threads(given.threads)
        shifts_ppm = given.shifts and tuple(given.shifts)
        if given.among:
            calibration = calibrate_among(
                given.run,
                str(given.data),
                read_calibration(given.among),
                n_most=given.most,
                seed=given.seed,
            )
        elif given.isomers:
            calibration = calibrate_ranking(
                given.run,
                str(given.data),
                given.isomers,
                n_most=given.most,
                seed=given.seed,
                shifts_ppm=shifts_ppm,
            )
        else:
            calibration = calibrate(
                given.run,
                given.data,
                n_samples=given.samples,
                seed=given.seed,
                shifts_ppm=shifts_ppm,
            )
        write_text(given.output, calibration.to_json())
        say(f"{calibration.to_json()}written {given.output}")


if __name__ == "__main__":
    main()
