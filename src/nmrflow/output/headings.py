"""What stands once over the answers of each command, on the page as in files."""

from collections.abc import Mapping
from typing import Any

from nmrflow.answers.prediction import LEVEL
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.items import ASSIGNMENT_COLUMNS, CHECK_COLUMNS, PREDICTION_COLUMNS
from nmrflow.output.ranked import CANDIDATE_COLUMNS
from nmrflow.output.writers import Heading

_MIRROR = (
    "Upwards the measured peaks, downwards those predicted for the structure; in the drawing the "
    "atoms' numbers and measured shifts, coloured by how far they are from the predicted."
)
CANDIDATES_EXPLAINED = (
    "log p: how probable the network itself finds a structure, in nats; consistency: how probable "
    "the spectrum is under the one predicted for the structure; score: what both and the shifts "
    "say together, by which candidates are ordered; of each, higher is better. Drawn: how often "
    "the search met the structure. Matched: peaks with a carbon within 5 ppm."
)
"""What the words beside candidates mean."""

_PREDICTED = f"On the atoms: shifts in ppm, coloured by the width of their {LEVEL:.0%} intervals."

_OF: dict[str, tuple[tuple[str, ...], str, str]] = {
    "predict": (PREDICTION_COLUMNS, "Predicted {} shifts", _PREDICTED),
    "elucidate": (CANDIDATE_COLUMNS, "Structures for a {} spectrum", _MIRROR),
    "rank": (CANDIDATE_COLUMNS, "Candidates for a {} spectrum", _MIRROR),
    "assign": (ASSIGNMENT_COLUMNS, "Assignment of a {} spectrum", _MIRROR),
    "check": (CHECK_COLUMNS, "Check of a {} spectrum", _MIRROR),
    "search": (CANDIDATE_COLUMNS, "What of a library a {} spectrum could be of", _MIRROR),
}


def heading_of(
    command: str, name: str, model: TrainedFlow, about: Mapping[str, Any] | None = None
) -> Heading:
    """The heading of a command's files.

    Args:
        command: One of those that answer.
        name: Of the network, as it was chosen.
        model: The network.
        about: Further facts; ``remarks`` among them are said on a page too.
    """
    columns, title, line = _OF[command]
    nucleus, about = model.axis.nucleus, about or {}
    told = {"command": command, "model": name, "caveats": model.caveats, **about}
    explained = [CANDIDATES_EXPLAINED] if columns is CANDIDATE_COLUMNS else []
    lines = [line, *explained, *about.get("remarks", ())]
    return Heading(columns, told, title.format(nucleus.name), lines, nucleus)
