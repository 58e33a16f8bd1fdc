"""A few molecules with their measured and predicted spectra: to look at, beside the scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nmrflow.data.records import MoleculeSpectrum
from nmrflow.errors import DataError
from nmrflow.inference import TrainedFlow

N_EXAMPLES = 10
"""As many as the paper's Table 2 shows."""


def show_examples(
    trained: TrainedFlow,
    validation: Sequence[MoleculeSpectrum],
    train: Sequence[MoleculeSpectrum] = (),
    ids: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Measured and predicted bits of single molecules, as plain values.

    Args:
        trained: The network.
        validation: Records that it has not seen.
        train: Records that it has seen; only looked through for ``ids``.
        ids: Molecule ids to show, in this order; ten records of the validation side, evenly
            spaced, if None.

    Returns:
        For each: ``molecule_id``, ``spectrum_id``, ``smiles``, ``formula``, ``side``
        (``validation`` or ``training``), ``true_bins``, ``predicted_bins``, and
        ``measured_ppm``, ``predicted_ppm`` (a bin's centre stands for the bin).

    Raises:
        DataError: If an id is on neither side.
    """
    chosen = [(record, "validation") for record in validation]
    if ids is None:
        rows = np.linspace(0, len(chosen) - 1, N_EXAMPLES).round().astype(int)
        chosen = [chosen[row] for row in np.unique(rows)]
    else:
        chosen += [(record, "training") for record in train]
        by_id: dict[str, tuple[MoleculeSpectrum, str]] = {}
        for record, side in chosen:
            by_id.setdefault(record.molecule_id, (record, side))
        unknown = [wanted for wanted in map(str, ids) if wanted not in by_id]
        if unknown:
            raise DataError(f"examples: no molecule with id {', '.join(unknown)} in these data")
        chosen = [by_id[wanted] for wanted in map(str, ids)]
    predicted = trained.predict_spectrum([record.structure for record, _ in chosen])
    centres = trained.axis.centres_ppm()
    rows_out = []
    for (record, side), spectrum in zip(chosen, predicted, strict=True):
        true_bins = np.flatnonzero(trained.axis.code_from_fine(record.fine_bins))
        measured = record.shifts_ppm or [centres[bin_] for bin_ in true_bins]
        rows_out.append(
            {
                "molecule_id": record.molecule_id,
                "spectrum_id": record.spectrum_id,
                "smiles": record.structure.connectivity,
                "formula": record.structure.formula,
                "side": side,
                "true_bins": true_bins.tolist(),
                "predicted_bins": np.flatnonzero(spectrum.code).tolist(),
                "measured_ppm": [round(float(shift), 2) for shift in measured],
                "predicted_ppm": [round(shift, 2) for shift in spectrum.shifts_ppm],
            }
        )
    return rows_out
