"""Building a library: rows of files to shards, one after another, resumed where it was ended.

A shard is made of so many rows of a source, whatever becomes of them: where the next begins
follows from the shards that stand, and what is built after a stop has the bytes that it would have
had without.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from nmrflow.console import progress
from nmrflow.errors import DataError, StructureError
from nmrflow.files.writing import owned
from nmrflow.formats.molecule_files import MoleculeRow, count_rows, read_unparsed
from nmrflow.library.dataset import (
    MANIFEST,
    Manifest,
    Shard,
    check_weights,
    example,
    few,
    read_manifest,
    read_shard,
    weights_of,
    write_shard,
)
from nmrflow.library.labels import Label, digest, label, limit_members
from nmrflow.model.manifest import entry
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow
from nmrflow.workers import map_in_order

SHARD_ROWS = 1 << 14
"""Rows of a source to a shard: what a stop costs at most, half a minute's work."""

_ROWS_AT_ONCE = 256

UNREAD, OUTSIDE, REPEATED = "cannot be read", "outside the network's domain", "stands there before"
"""Why a row is not in a library."""


class Labelled(NamedTuple):
    """A row of a source: its label, or why there is none."""

    name: str
    label: Label | None
    reason: str
    where: str
    detail: str
    has_remark: bool


_Labels = Callable[[Sequence[Callable[[], MoleculeRow]]], list[Labelled]]


def build(  # noqa: PLR0913 - each by name
    files: Sequence[str | Path],
    folder: str | Path,
    *,
    model: str = "organic",
    n_members: int | None = None,
    n_processes: int = 1,
    smiles_column: str | None = None,
    shard_rows: int = SHARD_ROWS,
) -> Manifest:
    """Make a library, or go on with one that was interrupted.

    Args:
        files: Of molecules, as :func:`nmrflow.formats.molecule_files.read_molecules` takes them;
            a library's folder stands for its shards.
        folder: Of the library; made if missing.
        model: A name of weights that come with nmrflow, or a path.
        n_members: Members of the network's ensemble that label; None: all.
        n_processes: That label side by side; they change nothing of what is written.
        smiles_column: Of tables.
        shard_rows: Rows of a source to a shard.

    Raises:
        DataError: If a file cannot be read, the folder holds another library or something else,
            or nothing is left of all rows; what was written before stays, to be gone on with.
        CheckpointError: If there is no such network.
    """
    folder, sources = Path(folder), expand(files)
    network = load(model)
    weights = {"name": model, **weights_of(network)}
    n_used = limit_members(network, n_members)
    begun = Manifest(weights, n_used, network.axis.nucleus.name, network.axis.n_bins, shard_rows)
    with owned(folder):
        manifest = _begin(folder, begun, sources)
        told = _labeller(network, model, n_members, n_processes)
        _go_on(folder, manifest, sources, told, n_processes, smiles_column)
    return manifest


def add(
    files: Sequence[str | Path],
    folder: str | Path,
    *,
    n_processes: int = 1,
    smiles_column: str | None = None,
) -> Manifest:
    """Add files to a library, labelled by the same weights; arguments and errors as of `build`."""
    folder, sources = Path(folder), expand(files)
    with owned(folder):
        manifest = read_manifest(folder)
        name = manifest.weights["name"]
        network = load(name)
        check_weights(folder, manifest, network)
        limit_members(network, manifest.n_members)
        waiting = [one for one in manifest.sources if not one["is_whole"]]
        new = [_source(file) for file in sources]
        # An interrupted one is gone on with.
        if waiting and [w["sha256"] for w in waiting] != [s["sha256"] for s in new]:
            told = ", ".join(one["file"] for one in waiting)
            raise DataError(f"{folder}: {told} is half read; give the same files to go on")
        if not waiting:
            manifest.sources += new
            manifest.write(folder)
        told_rows = _labeller(network, name, manifest.n_members, n_processes)
        before = [None] * (len(manifest.sources) - len(sources))
        _go_on(folder, manifest, [*before, *sources], told_rows, n_processes, smiles_column)
    return manifest


def expand(files: Sequence[str | Path]) -> list[Path]:
    """Files, and the shards of libraries among them.

    Raises:
        DataError: If there is none, or a library is not whole.
    """
    found: list[Path] = []
    for file in map(Path, files):
        if (file / MANIFEST).is_file():
            manifest = read_manifest(file)
            if not manifest.is_whole:
                raise DataError(f"{file}: is half made; the command that made it goes on with it")
            found += [file / shard.file for shard in manifest.shards]
        else:
            found.append(file)
    if not found:
        raise DataError("no files of molecules are given")
    return found


def _source(file: Path) -> dict[str, Any]:
    next(iter(read_unparsed(file)), None)  # What cannot be read is refused in its own words.
    try:
        checksum = entry(file)["sha256"]
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error
    return {"file": file.name, "sha256": checksum, "is_whole": False}


def _begin(folder: Path, begun: Manifest, sources: Sequence[Path]) -> Manifest:
    begun.sources = [_source(file) for file in sources]
    if (folder / MANIFEST).exists():
        found = read_manifest(folder)
        same = ("weights", "n_members", "nucleus", "n_bins", "shard_rows")
        differs = [key for key in same if getattr(found, key) != getattr(begun, key)]
        if [s["sha256"] for s in found.sources] != [s["sha256"] for s in begun.sources]:
            differs.append("files")
        if differs:
            raise DataError(
                f"{folder}: holds a library of other {' and '.join(differs)}; name another "
                "folder, or nmrflow library add"
            )
        return found
    if foreign := [file.name for file in folder.iterdir() if file.name != ".lock"]:
        raise DataError(f"{folder}: is not empty ({foreign[0]}), and no library; name another")
    begun.write(folder)
    return begun


def _go_on(
    folder: Path,
    manifest: Manifest,
    sources: Sequence[Path | None],
    labelled: _Labels,
    n_processes: int,
    smiles_column: str | None,
) -> None:
    known: set[bytes] = set()
    for shard in manifest.shards:
        table = read_shard(folder, shard, ["smiles"])
        known.update(map(digest, table.column("smiles").to_pylist()))
    for k, file in enumerate(sources):
        if file is None or manifest.sources[k]["is_whole"]:
            continue
        done = sum(shard.n_read for shard in manifest.shards if shard.source == k)
        rows = itertools.islice(read_unparsed(file, smiles_column=smiles_column), done, None)
        n_rows = count_rows(file)
        left = None if n_rows is None else n_rows - done
        parts = iter(partial(_take, iter(rows), _ROWS_AT_ONCE), [])
        every = itertools.chain.from_iterable(map_in_order(labelled, parts, n_processes))
        found = progress(every, left, f"labelling {file.name}")
        while part := _take(found, manifest.shard_rows):
            # Of where rows stand the file's name alone: folders may have other names tomorrow.
            told = [row._replace(where=row.where.replace(str(file), file.name, 1)) for row in part]
            manifest.shards.append(_write(folder, manifest, k, told, known))
            manifest.write(folder)
        manifest.sources[k]["is_whole"] = True
        manifest.write(folder)
    if not manifest.n:
        reasons = [text for shard in manifest.shards for text in shard.examples][:3]
        raise DataError(f"{folder}: no molecule can be taken ({'; '.join(reasons) or 'no rows'})")


def _take(rows: Iterator[Any], n: int) -> list[Any]:
    return list(itertools.islice(rows, n))


def _write(
    folder: Path, manifest: Manifest, source: int, rows: Sequence[Labelled], known: set[bytes]
) -> Shard:
    labels, titles = [], []
    left_out: Counter[str] = Counter()
    examples = []
    n_remarks = 0
    for row in rows:
        reason, detail = row.reason, row.detail
        if row.label is not None and (own := digest(row.label.smiles)) in known:
            reason, detail = REPEATED, row.label.smiles
        elif row.label is not None:
            known.add(own)
            labels.append(row.label)
            titles.append(row.name)
            n_remarks += row.has_remark
            continue
        left_out[reason] += 1
        examples.append((reason, example(row.where, f"{reason}: {detail}")))
    name = f"part-{len(manifest.shards):05}.parquet"
    written = write_shard(folder, name, labels, titles)
    counts = dict(sorted(left_out.items()))
    return Shard(
        **written,
        source=source,
        n=len(labels),
        n_read=len(rows),
        left_out=counts,
        examples=few(examples),
        n_remarks=n_remarks,
    )


def _labeller(network: TrainedFlow, name: str, n_members: int | None, n_processes: int) -> _Labels:
    # A process that works for this build alone may keep what a name meant; this one may not.
    if n_processes == 1:
        return partial(_label_rows, network)
    return partial(_label_elsewhere, name, n_members)


def _label_elsewhere(
    name: str, n_members: int | None, parse: Sequence[Callable[[], MoleculeRow]]
) -> list[Labelled]:
    return _label_rows(_load_once(name, n_members), parse)


def _label_rows(
    network: TrainedFlow, parse: Sequence[Callable[[], MoleculeRow]]
) -> list[Labelled]:
    rows, found = [one() for one in parse], []
    taken = []
    for row in rows:
        reason, detail = (UNREAD, str(row.reason)) if row.structure is None else ("", "")
        if row.structure is not None:
            try:
                network.check(row.structure)
                taken.append(row.structure)
            except StructureError as error:
                reason, detail = OUTSIDE, str(error)
        found.append(
            Labelled(row.name, None, reason, row.where, detail, has_remark=row.remark is not None)
        )
    labels = iter(label(network, taken) if taken else [])
    return [one if one.reason else one._replace(label=next(labels)) for one in found]


@cache
def _load_once(model: str, n_members: int | None) -> TrainedFlow:
    network = load(model)
    limit_members(network, n_members)
    return network
