"""One invertible network between molecules and their 13C NMR spectra."""

from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmrflow.inference import load_checkpoint as load_checkpoint
    from nmrflow.pretrained import load_pretrained as load_pretrained

try:
    __version__ = _version("nmrflow")
except _PackageNotFoundError:  # a checkout that was never installed
    __version__ = "unknown"


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # Torch and RDKit take seconds to import; `import nmrflow` alone does not need them.
    if name == "load_checkpoint":
        from nmrflow.inference import load_checkpoint

        return load_checkpoint
    if name == "load_pretrained":
        from nmrflow.pretrained import load_pretrained

        return load_pretrained
    raise AttributeError(f"module 'nmrflow' has no attribute {name!r}")
