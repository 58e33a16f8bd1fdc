"""What all commands share: the network, files to write, what becomes of bad input."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from nmrflow.console import hide_progress, outliving_readers, quiet_libraries, say
from nmrflow.errors import DataError, NmrflowError
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.output.items import Item
from nmrflow.output.writers import Heading, check_output, open_outputs


@dataclass(frozen=True)
class Settings:
    """Options that every command has.

    Args:
        model: A name of weights that come with nmrflow, or a path.
        outputs: Files to write.
        on_error: ``mark``, ``skip`` or ``stop``.
        n_threads: Threads of computation.
        is_quiet: Whether to print results and errors only.
    """

    model: str
    outputs: tuple[Path, ...]
    on_error: str
    n_threads: int
    is_quiet: bool

    def load(self, sources: Sequence[str]) -> TrainedFlow:
        """The network; what cannot be written is refused first.

        Args:
            sources: What is read, which may not be written.

        Raises:
            DataError: If a file cannot be written, or is read too.
            CheckpointError: If there is no such network.
        """
        for file in self.outputs:
            check_output(file)
            if str(file) in sources or file.resolve() in map(_resolve, sources):
                raise DataError(f"{file}: is read, and cannot be written too; name another file")
        self.prepare()
        torch.set_num_threads(self.n_threads)
        return load(self.model)

    def prepare(self) -> None:
        """Quieten what is to be quiet."""
        quiet_libraries()
        if self.is_quiet:
            hide_progress()

    def tell(self, lines: str | Sequence[str]) -> None:
        """Say what is no result, unless asked to be quiet."""
        if not self.is_quiet:
            say(lines)

    def keeps(self, where: str, reason: str) -> bool:
        """Whether a refusal is written as a row.

        Raises:
            NmrflowError: If one refusal ends all.
        """
        if self.on_error == "stop":
            raise NmrflowError(f"{where}: {reason}")
        return self.on_error == "mark"

    @contextmanager
    def writing(self, heading: Heading) -> Iterator[Callable[[Item], None]]:
        """The files to write, and what was written said in the end."""
        written: list[Path] = []
        with outliving_readers(writes_files=bool(self.outputs)):
            with open_outputs(self.outputs, heading, written) as add:
                yield add
            self.tell([f"written {file}" for file in written])
            for file in self.outputs:
                if file not in written:
                    say(f"not written: {file}, there was no answer to draw for it")


def _resolve(source: str) -> Path | None:
    try:
        return Path(source).resolve()
    except (OSError, ValueError, RuntimeError):  # no path: a long peak list, a loop of links
        return None
