"""A few molecules with their measured and predicted spectra: to look at, beside the scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nmrflow.data.records import Record
from nmrflow.data.splits import structure_hash
from nmrflow.errors import DataError
from nmrflow.model.trained import TrainedFlow

N_EXAMPLES = 10
"""As many as the paper's Table 2 shows."""


def show_examples(
    trained: TrainedFlow,
    validation: Sequence[Record],
    train: Sequence[Record] = (),
    ids: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Measured and predicted bits of single molecules, as plain values.

    Those with ``ids``, in this order, from the records that are scored or the training side's;
    without, ten of ``validation``, evenly spaced.

    Returns:
        For each: ``molecule_id``, ``spectrum_id``, ``smiles``, ``formula``, ``side``
        (``training`` if its molecule was trained on, else ``validation``), ``true_bins``,
        ``predicted_bins``, ``measured_ppm``, ``predicted_ppm``; a bin's centre stands for it.

    Raises:
        DataError: If an id is in none of them.
    """
    if ids is None:
        rows = np.linspace(0, len(validation) - 1, N_EXAMPLES).round().astype(int)
        chosen = [validation[row] for row in np.unique(rows)]
    else:
        by_id = {record.molecule_id: record for record in reversed((*validation, *train))}
        unknown = [wanted for wanted in ids if wanted not in by_id]
        if unknown:
            raise DataError(f"examples: no molecule with id {', '.join(unknown)} in these data")
        chosen = [by_id[wanted] for wanted in ids]
    seen = set(trained.description["training_side"]["structure_hashes"])
    predicted = trained.predict_spectrum([record.structure for record in chosen])
    centres = trained.axis.centres_ppm()
    rows_out = []
    for record, spectrum in zip(chosen, predicted, strict=True):
        peaks = record.peaks
        true_bins = np.flatnonzero(trained.axis.code_from_shifts(peaks.shifts_ppm))
        is_binned = any(peak.half_width_ppm for peak in peaks.peaks)
        measured = [centres[bin_] for bin_ in true_bins] if is_binned else peaks.shifts_ppm
        connectivity = record.structure.connectivity
        rows_out.append(
            {
                "molecule_id": record.molecule_id,
                "spectrum_id": record.spectrum_id,
                "smiles": connectivity,
                "formula": record.structure.formula,
                "side": "training" if structure_hash(connectivity) in seen else "validation",
                "true_bins": true_bins.tolist(),
                "predicted_bins": np.flatnonzero(spectrum.code).tolist(),
                "measured_ppm": [round(float(shift), 2) for shift in measured],
                "predicted_ppm": [round(shift, 2) for shift in spectrum.shifts_ppm],
            }
        )
    return rows_out
