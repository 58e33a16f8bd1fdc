"""Peak lists as text, in forms that are read back."""

import csv
import io
import re
from collections.abc import Callable, Sequence

import numpy as np

from nmrflow.errors import SpectrumError
from nmrflow.formats.left_out import remark_left_out
from nmrflow.formats.text_reader import read_peaks
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13, Nucleus
from nmrflow.spectra.peaks import BRACKET, Peak, PeakList


def write_peaks(peaks: PeakList, form: str, nucleus: Nucleus = Carbon13()) -> str:
    """Write a peak list as :mod:`nmrflow.formats.text_reader` and other programs read it.

    Shifts have as many digits as tell them from every other number; of a range both ends are
    written, rounded to a millionth of a ppm.

    The form is one of

    - ``"list"``: keeps the shifts alone, of a range its middle;
    - ``"table"``: keeps everything;
    - ``"publication"``: keeps all but intensities and atoms, and of the metadata
      ``frequency_mhz``, ``solvent`` and ``conditions``;
    - ``"csearch"``: keeps shifts, of a range its middle, and multiplicities.

    Raises:
        SpectrumError: If there is no such form, or a shift is none that is read back.

    Warns:
        LeftOutWarning: If the form has no place for something, which is named.
    """
    if form not in _WRITERS:
        raise SpectrumError(f"no peak list has the form {form!r}; choose {', '.join(_WRITERS)}")
    text = _WRITERS[form](peaks, nucleus) + "\n"
    remark_left_out(_NAMES[form], peaks, read_peaks(text, ShiftAxis(nucleus=nucleus)))
    return text


def _number_text(number: float) -> str:
    # Never with an exponent, which other programs may not read.
    return np.format_float_positional(number, trim="0")


def _shift_text(peak: Peak) -> str:
    if peak.half_width_ppm == 0:
        return _number_text(peak.shift_ppm)
    ends = (peak.shift_ppm + peak.half_width_ppm, peak.shift_ppm - peak.half_width_ppm)
    return "–".join(_number_text(round(end, 6)) for end in ends)


def _write_list(peaks: PeakList, _: Nucleus) -> str:
    return ", ".join(map(_number_text, peaks.shifts_ppm))


def _write_csearch(peaks: PeakList, _: Nucleus) -> str:
    return "\n".join(
        " ".join(filter(None, ("LINE:", _number_text(peak.shift_ppm), peak.multiplicity)))
        for peak in peaks.peaks
    )


def _write_table(peaks: PeakList, nucleus: Nucleus) -> str:
    columns = {
        "ppm": [_shift_text(peak) for peak in peaks.peaks],
        "intensity": ["" if p.intensity is None else str(p.intensity) for p in peaks.peaks],
        # As groups: a letter may also be that of a line in a decoupled spectrum.
        "multiplicity": [_group(peak, nucleus) for peak in peaks.peaks],
        "n": [str(peak.n_carbons or "") for peak in peaks.peaks],
        "atoms": [" ".join(peak.atoms) for peak in peaks.peaks],
        "note": [" ".join(peak.note.split()) for peak in peaks.peaks],
    }
    told = [name for name, cells in columns.items() if any(cells)]
    out = io.StringIO()
    if peaks.metadata:
        pairs = "; ".join(f"{key}={value}" for key, value in peaks.metadata.items())
        out.write(f"# {pairs}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(told)
    writer.writerows(zip(*(columns[name] for name in told), strict=True))
    return out.getvalue().removesuffix("\n")


def _write_publication(peaks: PeakList, nucleus: Nucleus) -> str:
    frequency = peaks.metadata.get("frequency_mhz")
    conditions = [f"{frequency} MHz" if frequency else ""]
    conditions += [peaks.metadata.get(key, "") for key in ("solvent", "conditions")]
    items = []
    for peak in peaks.peaks:
        group = _group(peak, nucleus)
        count = f"{peak.n_carbons}{nucleus.element}" if peak.n_carbons else ""
        items.append(_shift_text(peak) + _in_brackets([group, count, peak.note]))
    return f"{nucleus.name} NMR{_in_brackets(conditions)} δ {', '.join(items)}."


def _group(peak: Peak, nucleus: Nucleus) -> str:
    return nucleus.groups[peak.multiplicity] if peak.multiplicity else ""


def _in_brackets(parts: Sequence[str]) -> str:
    text = ", ".join(filter(None, parts))
    if not re.fullmatch(BRACKET, f"({text})"):
        text = text.replace("(", "[").replace(")", "]")
    return f" ({text})" if text else ""


_WRITERS: dict[str, Callable[[PeakList, Nucleus], str]] = {
    "list": _write_list,
    "table": _write_table,
    "publication": _write_publication,
    "csearch": _write_csearch,
}
_NAMES = {
    "list": "a list of shifts",
    "table": "a table",
    "publication": "a publication's sentence",
    "csearch": "a list of CSEARCH lines",
}
