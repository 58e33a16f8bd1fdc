"""Damaged files of every form: rows are read or refused, and nothing but refusals is raised.

``NMRFLOW_MUTATIONS=10000`` tries so many; without it only some are tried.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from nmrflow.commands.example_files import write_examples
from nmrflow.data.molecule_files import read_molecules
from nmrflow.data.spectrum_files import read_spectra
from nmrflow.errors import NmrflowError

N_MUTATIONS = int(os.environ.get("NMRFLOW_MUTATIONS", "600"))
Reader = Callable[[Path], list[tuple[object, str | None]]]
PIECES = (b"\n", b"\r\n", b"\x00", b"\xff", b",", b";", b"-", b"(", b"9999999999", b"nan", b"\t")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [Path(file) for file in write_examples(tmp_path_factory.mktemp("examples"))]


def mutated(content: bytes, random: Random) -> bytes:
    """A few bytes changed, pieces put in, lines lost, repeated, exchanged, or the end cut off."""
    found = bytearray(content)
    for _ in range(random.randint(1, 4)):
        lines = bytes(found).splitlines(keepends=True)
        at, kind = random.randrange(len(found) + 1), random.randrange(6)
        if kind == 0 and found:
            found[at - 1] = random.randrange(256)
        elif kind == 1:
            found[at:at] = random.choice(PIECES)
        elif kind == 2:
            del found[at : at + random.randint(1, 20)]
        elif kind == 3:
            del found[at:]
        elif lines:
            k, m = random.randrange(len(lines)), random.randrange(len(lines))
            lines[k : k + 1] = [lines[m], lines[k]] if kind == 4 else [lines[m]]
            found = bytearray(b"".join(lines))
    return bytes(found)


def peaks_of(file: Path) -> list[tuple[object, str | None]]:
    return [(row.peaks, row.reason) for row in read_spectra(str(file))]


def structures_of(file: Path) -> list[tuple[object, str | None]]:
    return [(row.structure, row.reason) for row in read_molecules(file)]


@pytest.mark.parametrize("read", [peaks_of, structures_of])
def test_a_damaged_file_is_read_or_refused(
    read: Reader, files: list[Path], tmp_path: Path
) -> None:
    if read is structures_of:
        files = [file for file in files if file.name.startswith("molecule")]
    outcomes: Counter[str] = Counter()
    said: list[tuple[str, str]] = []
    for seed in range(N_MUTATIONS):
        source = files[seed % len(files)]
        damaged = tmp_path / source.name
        damaged.write_bytes(mutated(source.read_bytes(), Random(seed)))
        try:
            rows = read(damaged)
        except NmrflowError as refusal:
            outcomes["file refused"] += 1
            said.append((source.name, str(refusal)))
        except Exception as error:
            raise AssertionError(f"seed {seed}, {source.name}: {error!r}") from error
        else:
            assert all((found is None) == (reason is not None) for found, reason in rows)
            outcomes.update("row refused" if reason else "row read" for _, reason in rows)
    assert all(name in refusal for name, refusal in said)
    assert set(outcomes) == {"file refused", "row refused", "row read"}
