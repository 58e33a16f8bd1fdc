"""For which spectra no probability was calibrated."""

from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.question import Question


def why_outside(model: TrainedFlow, question: Question) -> str | None:
    """Why no probability was calibrated for such a spectrum, in words; None where one was."""
    nucleus, most = question.nucleus, model.domain.max_atoms
    n_peaks = len(set(question.shifts_ppm))
    if n_peaks > most:
        return (
            f"{n_peaks} peaks are more than the {most} {nucleus.noun}s of the greatest molecule "
            "that this network knows; check the peaks"
        )
    if model.calibration is None or model.calibration.shifts_ppm is None:
        return None
    low, high = model.calibration.shifts_ppm
    impossible = [f"{s:g}" for s in question.shifts_ppm if not low <= s <= high]
    if not impossible:
        return None
    verb = "is a shift" if len(impossible) == 1 else "are shifts"
    return (
        f"{', '.join(impossible)} ppm {verb} that no {nucleus.noun} of {model.domain.describe()} "
        f"has ({low:g} to {high:g} ppm); check the peaks"
    )
