"""A library on the disk: Parquet shards, and a manifest that says what they are and hold."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nmrflow.errors import DataError
from nmrflow.files.writing import write_text, written_whole
from nmrflow.library.labels import Label
from nmrflow.model.manifest import entry
from nmrflow.model.predictor import Predictor

MANIFEST = "manifest.json"
FORMAT = 1
"""Of manifest and shards; raised when either changes."""

SCHEMA = pa.schema(
    [
        ("smiles", pa.string()),
        ("name", pa.string()),
        ("formula", pa.string()),
        ("mass", pa.float64()),
        ("kinds", pa.list_(pa.uint8())),
        ("shifts", pa.list_(pa.int16())),
        ("scales", pa.list_(pa.uint8())),
        ("n_atoms", pa.list_(pa.uint8())),
        ("n_hydrogens", pa.list_(pa.uint8())),
        ("code", pa.binary()),
    ]
)
"""Of a shard; a row is a :class:`nmrflow.library.labels.Label` and the name in its source."""

_FEW = ("name", "formula", "mass", "kinds", "n_atoms", "n_hydrogens", "scales")
_N_EXAMPLES = 3


@dataclass(frozen=True)
class Shard:
    """A file of a library, made of some rows of a source.

    Args:
        file: Its name.
        bytes: Its size.
        sha256: Its checksum.
        source: Place of the source in the manifest.
        n: Molecules that it holds.
        n_read: Rows of the source that it was made of.
        left_out: How many of those are not in the library, by reason.
        examples: Places and reasons of the first few of each.
        n_remarks: Rows that are in it though something was wrong with them, as salts of which
            the largest part was taken.
    """

    file: str
    bytes: int
    sha256: str
    source: int
    n: int
    n_read: int
    left_out: Mapping[str, int]
    examples: Sequence[str]
    n_remarks: int


@dataclass
class Manifest:
    """What a library is.

    Args:
        weights: Name, checksum and widening of the network that labelled it.
        n_members: Members of that network's ensemble that did.
        nucleus: Whose shifts they are.
        n_bins: Of a code.
        shard_rows: Rows of a source to a shard.
        sources: Name and checksum of each file, and whether all of it was read.
        shards: In the order of their rows.
    """

    weights: dict[str, Any]
    n_members: int
    nucleus: str
    n_bins: int
    shard_rows: int
    sources: list[dict[str, Any]] = field(default_factory=list)
    shards: list[Shard] = field(default_factory=list)

    @property
    def n(self) -> int:
        """Molecules."""
        return sum(shard.n for shard in self.shards)

    @property
    def is_whole(self) -> bool:
        """Whether every source was read to its end."""
        return all(source["is_whole"] for source in self.sources)

    @property
    def left_out(self) -> dict[str, int]:
        """Rows of sources that are not in the library, by reason."""
        total: dict[str, int] = {}
        for shard in self.shards:
            for reason, n in shard.left_out.items():
                total[reason] = total.get(reason, 0) + n
        return total

    def write(self, folder: Path) -> None:
        """Into a folder, as :func:`nmrflow.files.writing.write_text`."""
        write_text(
            folder / MANIFEST, json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"
        )


def read_manifest(folder: Path) -> Manifest:
    """What a library says of itself.

    Raises:
        DataError: If there is none, or it is damaged or of a newer format.
    """
    file = folder / MANIFEST
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        if (number := plain.pop("format")) != FORMAT:
            raise ValueError(f"format {number}, this nmrflow knows {FORMAT}")
        shards = [Shard(**shard) for shard in plain.pop("shards")]
        for shard in shards:
            if Path(shard.file).name != shard.file or type(shard.bytes) is not int:
                raise ValueError(f"{shard.file!r} is no shard of it")
        found = Manifest(**plain, shards=shards)
        _ = found.is_whole, found.n, found.weights["name"], _said(found.weights)
    except FileNotFoundError as error:
        raise DataError(
            f"{folder}: no library is there; nmrflow library build FILES... -o {folder} makes one"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{file}: cannot be read ({reason}); build the library anew") from error
    return found


def weights_of(model: Predictor) -> dict[str, Any]:
    """What tells the weights that predict shifts: their checksum, and what widens intervals.

    Raises:
        DataError: If the network predicts bits only.
    """
    forward = model.network.forward
    if forward is None:
        raise DataError("this network predicts bits, and no shifts: it labels no library")
    found = hashlib.sha256()
    for name, weight in sorted(forward.state_dict().items()):
        found.update(name.encode() + weight.detach().cpu().contiguous().numpy().tobytes())
    return {"sha256": found.hexdigest(), "widening": float(forward.widening)}


def check_weights(folder: Path, manifest: Manifest, model: Predictor) -> None:
    """Refuse a library that other weights labelled.

    Raises:
        DataError: In words.
    """
    own, told = weights_of(model), manifest.weights
    if own != {key: told.get(key) for key in own}:
        raise DataError(
            f"{folder}: was made by other weights ({told['name']}, {_said(told)}; this network: "
            f"{_said(own)}); ask that network (-m), or make the library anew: nmrflow library "
            f"build {folder} -m MODEL -o NEW"
        )


def _said(weights: Mapping[str, Any]) -> str:
    return f"{weights['sha256'][:16]}, intervals widened by {weights['widening']:g}"


def write_shard(
    folder: Path, name: str, labels: Sequence[Label], names: Sequence[str]
) -> dict[str, Any]:
    """Write a shard, and say its name, size and checksum."""
    columns = [_column(key, labels, names) for key in SCHEMA.names]
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    with written_whole(folder / name) as unfinished:
        pq.write_table(
            table,
            unfinished,
            compression="zstd",
            compression_level=9,
            use_dictionary=list(_FEW),
            row_group_size=1 << 20,
        )
        return {"file": name, **entry(unfinished)}


def _column(key: str, labels: Sequence[Label], names: Sequence[str]) -> pa.Array:
    values = names if key == "name" else [getattr(one, key) for one in labels]
    return pa.array(values, SCHEMA.field(key).type)


def read_shard(folder: Path, shard: Shard, columns: Sequence[str] | None = None) -> pa.Table:
    """A shard, once its bytes are those that were written.

    Raises:
        DataError: If it is missing, another, or cannot be read.
    """
    _check(folder, shard)
    with _readable(folder / shard.file):
        table = pq.read_table(folder / shard.file, columns=columns, memory_map=True)
        if table.num_rows != shard.n:
            raise ValueError(f"{table.num_rows} rows where {shard.n} should be")
        if columns is None and not table.schema.equals(SCHEMA):
            raise ValueError("other columns than a library's")
        return table


def _check(folder: Path, shard: Shard) -> None:
    file = folder / shard.file
    with _readable(file):
        found = entry(file)
    if found != {"bytes": shard.bytes, "sha256": shard.sha256}:
        raise DataError(
            f"{file}: is not the shard that was written ({found['bytes']:,} bytes, SHA-256 "
            f"{found['sha256']}; expected {shard.bytes:,}, {shard.sha256}); take it from a copy, "
            "or build the library anew"
        )


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, DataError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{file}: cannot be read ({reason}); take it from a copy, or build the library anew"
        ) from error


def example(where: str, reason: str) -> str:
    """A row that was left out, as it stands in a manifest."""
    return f"{where}: {reason}"[:300]


def few(examples: Sequence[tuple[str, str]]) -> list[str]:
    """The first examples of each reason.

    Args:
        examples: Reason, and :func:`example`.
    """
    n: dict[str, int] = {}
    kept = []
    for reason, text in examples:
        n[reason] = n.get(reason, 0) + 1
        if n[reason] <= _N_EXAMPLES:
            kept.append(text)
    return kept
