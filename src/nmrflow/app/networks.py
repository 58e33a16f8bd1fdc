"""Networks and libraries in memory, each used by one question at a time."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from nmrflow.answers.networks import DEFAULT
from nmrflow.errors import DataError, NmrflowError
from nmrflow.library.library import Library
from nmrflow.model.pretrained import load, names
from nmrflow.model.trained import TrainedFlow

BACKWARD = "backward"
"""A use that takes long: it has a copy of the network of its own, so that others need not wait."""


class Networks:
    """What a page answers with.

    Args:
        own: A network of the user's own, by its path, beside those that come with nmrflow.
        libraries: Folders that may be searched; nobody can name others.
    """

    def __init__(self, own: str | None = None, libraries: tuple[Path, ...] = ()) -> None:
        packaged = tuple(names())
        self.names = packaged if own in (None, *packaged) else (own or "", *packaged)
        self.default = own or DEFAULT
        self.libraries: Mapping[str, Path] = {str(folder): folder for folder in libraries}
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._loaded: dict[tuple[str, str], TrainedFlow] = {}
        self._opened: dict[tuple[str, str], Library] = {}

    @contextmanager
    def using(self, name: str, use: str = "") -> Iterator[TrainedFlow]:
        """A network, alone: what it computes of one question stands in it meanwhile.

        Args:
            name: One of :attr:`names`.
            use: :data:`BACKWARD` for what takes long.

        Raises:
            DataError: If there is no such name.
            CheckpointError: If the network is damaged.
        """
        if name not in self.names:
            raise DataError(f"{name!r} is none of the networks: {', '.join(self.names)}")
        with self._lock:
            own = self._locks.setdefault((name, use), threading.Lock())
        with own:
            if (name, use) not in self._loaded:
                self._loaded[name, use] = load(name)
            yield self._loaded[name, use]

    def load_soon(self) -> None:
        """Load what most questions need, while the page is looked at."""

        def load_default() -> None:
            with suppress(NmrflowError), self.using(self.default):  # Said where it is used.
                pass

        threading.Thread(target=load_default, daemon=True).start()

    def is_busy(self, name: str, use: str = "") -> bool:
        """Whether somebody is using a network now."""
        own = self._locks.get((name, use))
        return own is not None and own.locked()

    def library(self, name: str, model_name: str, model: TrainedFlow) -> Library:
        """A library, opened once for each network, which :meth:`using` has given.

        Raises:
            DataError: If it is none of :attr:`libraries`, or as :class:`Library`.
        """
        if name not in self.libraries:
            known = ", ".join(self.libraries) or "none was named when the page was started"
            raise DataError(f"{name or 'no library'}: choose one of the libraries ({known})")
        key = name, model_name
        if key not in self._opened:
            self._opened[key] = Library(self.libraries[name], model)
        return self._opened[key]
