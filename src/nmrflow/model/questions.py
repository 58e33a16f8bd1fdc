"""Questions in whatever form they are given."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import read_peaks
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.question import Question

Asked = Question | PeakList | Sequence[float] | str | NDArray[np.generic]
"""A question; a peak list; shifts in ppm; a peak list as text; or a code ``(n_bins,)``, zeros and
ones, whose bins' centres are then the peaks."""


def read_questions(
    asked: Sequence[Asked] | NDArray[np.generic], axis: ShiftAxis
) -> list[Question]:
    """Questions as they are; all else as peaks of which nothing more is known.

    Args:
        asked: In any of the forms; codes also as one array ``(n, n_bins)``.
        axis: Says which numbers are shifts.

    Raises:
        SpectrumError: If one is none; the message names its position.
    """
    found = []
    for position, one in enumerate(asked):
        try:
            listed = one if isinstance(one, Question) else read_list(one, axis)
            found.append(
                listed if isinstance(listed, Question) else Question(listed, nucleus=axis.nucleus)
            )
        except (SpectrumError, TypeError, ValueError) as error:
            raise SpectrumError(f"spectrum {position}: {error}") from error
    return found


def read_list(asked: Asked, axis: ShiftAxis) -> PeakList:
    """The peaks of anything but a question.

    Raises:
        SpectrumError: If it is no peak list and no code, or a shift lies outside the axis.
        TypeError: If it is nothing of the kind.
    """
    if isinstance(asked, str):
        return read_peaks(asked, axis)
    if isinstance(asked, np.ndarray) and asked.dtype.kind in "biu":
        if asked.shape != (axis.n_bins,) or not np.isin(asked, (0, 1)).all():
            raise SpectrumError(f"a code is {axis.n_bins} zeros and ones, got shape {asked.shape}")
        asked = axis.centres_ppm()[asked.astype(bool)].tolist()
    if not isinstance(asked, PeakList):
        asked = PeakList(tuple(Peak(float(shift)) for shift in asked))  # type: ignore[union-attr]
    for shift in asked.shifts_ppm:
        axis.check_shift(shift)
    return asked
