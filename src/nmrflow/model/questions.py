"""Questions in whatever form they are given."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import Listed, as_peaks
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.question import Question

Asked = Question | Listed
"""A question, or its spectrum as :func:`nmrflow.formats.text_reader.as_peaks` takes it."""


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
            found.append(
                one
                if isinstance(one, Question)
                else Question(as_peaks(one, axis), nucleus=axis.nucleus)
            )
        except (SpectrumError, TypeError, ValueError) as error:
            raise SpectrumError(f"spectrum {position}: {error}") from error
    return found
