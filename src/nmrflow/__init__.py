"""One invertible network between molecules and their 13C NMR spectra."""

from importlib import import_module as _import_module
from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmrflow.answers.assignment import assign as assign
    from nmrflow.answers.check import check as check
    from nmrflow.answers.comparison import compare as compare
    from nmrflow.answers.elucidation import elucidate as elucidate
    from nmrflow.answers.elucidation import rank as rank
    from nmrflow.answers.prediction import predict as predict
    from nmrflow.answers.search import search as search
    from nmrflow.library.filters import Filters as Filters
    from nmrflow.library.library import Library as Library
    from nmrflow.model.pretrained import load_pretrained as load_pretrained
    from nmrflow.model.trained import load_checkpoint as load_checkpoint
    from nmrflow.spectra.question import Conditions as Conditions
    from nmrflow.spectra.question import Count as Count

try:
    __version__ = _version("nmrflow")
except _PackageNotFoundError:  # a checkout that was never installed
    __version__ = "unknown"

_PLACES = {
    "Conditions": "nmrflow.spectra.question",
    "Count": "nmrflow.spectra.question",
    "Filters": "nmrflow.library.filters",
    "Library": "nmrflow.library.library",
    "assign": "nmrflow.answers.assignment",
    "check": "nmrflow.answers.check",
    "compare": "nmrflow.answers.comparison",
    "elucidate": "nmrflow.answers.elucidation",
    "load_checkpoint": "nmrflow.model.trained",
    "load_pretrained": "nmrflow.model.pretrained",
    "predict": "nmrflow.answers.prediction",
    "rank": "nmrflow.answers.elucidation",
    "search": "nmrflow.answers.search",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # Torch and RDKit take seconds to import; `import nmrflow` alone does not need them.
    if name in _PLACES:
        return getattr(_import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'nmrflow' has no attribute {name!r}")
