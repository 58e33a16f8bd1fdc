"""What a form of a peak list has no place for, found by reading what was written."""

import warnings

from nmrflow.spectra.peaks import PeakList

_ATTRIBUTES = {
    "shift_ppm": "shifts as they are",
    "multiplicity": "multiplicities",
    "n_carbons": "numbers of equivalent atoms",
    "intensity": "intensities",
    "half_width_ppm": "widths",
    "atoms": "assigned atoms",
    "note": "notes",
}


class LeftOutWarning(UserWarning):
    """What was written does not hold all that was to be written."""


def left_out(given: PeakList, kept: PeakList) -> tuple[str, ...]:
    """What of a peak list another one, read from what was written of it, does not tell alike."""
    if len(given.peaks) != len(kept.peaks):
        return (f"all peaks ({len(kept.peaks)} of {len(given.peaks)} are there)",)
    pairs = list(zip(given.peaks, kept.peaks, strict=True))
    found = [
        words
        for name, words in _ATTRIBUTES.items()
        if any(getattr(peak, name) != getattr(other, name) for peak, other in pairs)
    ]
    keys = [key for key, text in given.metadata.items() if kept.metadata.get(key) != text]
    return (*found, *([f"metadata ({', '.join(keys)})"] if keys else ()))


def remark_left_out(form: str, given: PeakList, kept: PeakList) -> None:
    """Warn, once a call, of what is left out; ``kept`` is read from what was written.

    Warns:
        LeftOutWarning: If anything is.
    """
    if parts := left_out(given, kept):
        what = f"{form} does not hold {', '.join(parts)}, which are left out or changed"
        warnings.warn(f"{what}; a table and JCAMP-DX hold more", LeftOutWarning, stacklevel=3)
