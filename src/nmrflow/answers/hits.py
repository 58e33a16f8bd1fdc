"""What in a library fits a question.

Apart from the search itself: what reads libraries takes long to import, and what writes answers
need not wait for it.
"""

from dataclasses import dataclass

from nmrflow.answers.candidates import Candidate
from nmrflow.library.filters import Filters
from nmrflow.spectra.question import Question


@dataclass(frozen=True)
class Search:
    """What in a library fits a question.

    Args:
        question: What was asked.
        candidates: Hits, best first; their ``place`` is the row of the library, their score the
            log-likelihood of the peaks (:func:`nmrflow.answers.search.open_score`).
        names: Of the hits, as their sources have them.
        n_library: Molecules in the library.
        n_passed: Those that pass the filters, and are not ruled out by multiplicities.
        n_scored: Those that were scored by their full distributions.
        filters: What a hit must be.
    """

    question: Question
    candidates: tuple[Candidate, ...]
    names: tuple[str, ...]
    n_library: int
    n_passed: int
    n_scored: int
    filters: Filters
