"""Parquet files of molecules, of which one column holds SMILES."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nmrflow.errors import DataError
from nmrflow.formats.molecule_table import NAME_COLUMNS, find_column

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_ROWS_AT_ONCE = 4096


def read_parquet_cells(
    path: str | Path, smiles_column: str | None
) -> Iterator[tuple[int, str, str, str | None]]:
    """Go through the rows as :func:`nmrflow.formats.molecule_table.read_smiles_cells` does.

    A row's place is its number, from 1.

    Raises:
        DataError: If the file cannot be read, or the column cannot be found or holds no text.
    """
    with _opened(path) as file:
        header = file.schema_arrow.names
        smiles = header[find_column(path, header, smiles_column)]
        by_small = {name.lower(): name for name in reversed(header)}
        name = next((by_small[n] for n in NAME_COLUMNS if n in by_small), None)
        columns = [smiles] if name in (None, smiles) else [smiles, str(name)]
        number = 0
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
            for texts in zip(*(batch.column(c).to_pylist() for c in columns), strict=True):
                number += 1
                text, called = texts[0], "" if texts[-1] is None else str(texts[-1])
                if not isinstance(text, str | None):
                    kind = type(text).__name__
                    raise DataError(f"{path}: the column {smiles!r} holds {kind}, and no SMILES")
                yield number, (text or "").strip(), called if len(columns) > 1 else "", None


def count_parquet_rows(path: str | Path) -> int:
    """How many rows there are; raises as :func:`read_parquet_cells`."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


@contextmanager
def _opened(path: str | Path) -> Iterator["ParquetFile"]:
    # Here and not above: what reads Parquet takes long to import, and lists are more common.
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(Path(path).expanduser()) as file:
            yield file
    except (OSError, ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: cannot be read as Parquet ({reason}); fetch it again") from error
