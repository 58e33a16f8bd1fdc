"""The paper's own table, ``reversibledata.csv``: bond digits and spectrum bits."""

import csv
from collections import Counter
from collections.abc import Iterator

import pooch

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.data.records import Record, SourceData, report_defects
from nmrflow.errors import DataError, NmrflowError
from nmrflow.files.reading import contents_digest, open_text
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList

URL = "https://github.com/stefhk3/RevMolSpec/raw/2d7156e/reversibledata.csv"
SHA256 = "bf6c1c8f01389e0682b8e2325bcd44a0444095d87b2085411b2a326f091ff3c3"

COLUMNS = ("A", "B", "C", "D")
EXPECTED = "the reversible-network table, CSV with columns A,B,C,D"
"""What its file is, in messages."""

GRID = ShiftAxis(fine_width_ppm=0.2, n_fine_bins=1024, start_ppm=0.0)
"""The table's own bins: 1,024 of 0.2 ppm from 0 ppm; a bit says that one holds a shift."""

METHANE = "no bonds (methane), which the bond tensor cannot hold"


class RevMolSpec:
    """Reader of the table of the reversible-network paper.

    Columns A molecule id, B spectrum id, C 136 bond digits, D 1,024 spectrum bits; the number
    of rows is free. A peak lies at the centre of its bin, which it fills. A row without any bond
    (methane) is left out and counted; any other defect is fatal, and all bad rows are reported
    at once.

    Args:
        path: The file, plain or ``.gz``; None downloads the authors' own at a pinned commit,
            checks its SHA-256 and caches it.
        url: Where the download comes from.
        sha256: Digest that the downloaded file must have.
    """

    name = "revmolspec"

    def __init__(self, path: str | None = None, url: str = URL, sha256: str = SHA256) -> None:
        self.path, self.url, self.sha256 = path, url, sha256

    def read(self) -> SourceData:
        """Read every row.

        Raises:
            DataError: If the file cannot be had, is no such table, or has a bad row.
        """
        path = self._file()
        records: list[Record] = []
        n_excluded: Counter[str] = Counter()
        defects: list[str] = []
        codec = BondTensorCodec()
        for line, row in _rows(path):
            try:
                if None in row or None in row.values():
                    raise DataError(f"does not have {len(COLUMNS)} fields, as the header has")
                if row["C"] == "0" * codec.n_digits:
                    n_excluded[METHANE] += 1
                    continue
                structure, peaks = codec.decode_digits(row["C"]), _read_bits(row["D"])
                records.append(Record(row["A"], row["B"], structure, peaks, f"{path}:{line}"))
            except NmrflowError as error:
                defects.append(f"line {line} (A = {str(row.get('A'))[:20]!r}): {error}")
        if defects:
            advice = "correct or remove them, then run again"
            raise report_defects(path, defects, "row", advice)
        if not records:
            raise DataError(f"{path}: a header but no usable row; is it the right file?")
        return SourceData(tuple(records), n_excluded)

    def digest(self) -> str:
        """As of :class:`nmrflow.data.records.Source`."""
        return contents_digest([self._file()], EXPECTED)

    def _file(self) -> str:
        if self.path is not None:
            return self.path
        try:
            file: str = pooch.retrieve(
                url=self.url,
                known_hash=f"sha256:{self.sha256}",
                fname="reversibledata.csv",
                path=pooch.os_cache("nmrflow"),
                progressbar=False,
            )
        except (OSError, ValueError) as error:
            # Connection errors say little in many words; a wrong digest says what was got.
            known = isinstance(error, OSError)
            reason = type(error).__name__ if known else str(error).splitlines()[0]
            raise DataError(
                f"{self.url}: cannot be downloaded ({reason}); "
                "give a local copy of the table as data.path=/path/to/reversibledata.csv"
            ) from error
        return file


def _rows(path: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields of each row; every field is text, whatever it looks like."""
    with open_text(path, EXPECTED) as stream:
        reader = csv.DictReader(stream, strict=True)
        try:
            names = reader.fieldnames or ()
            if missing := [name for name in COLUMNS if name not in names]:
                found = ", ".join(name[:20] for name in names[:8])
                raise DataError(
                    f"{path}: column {', '.join(missing)} is missing from the first line, which "
                    f"has: {found!r}; a header A,B,C,D is expected"
                )
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: no CSV ({error})") from error


def _read_bits(bits: str) -> PeakList:
    if len(bits) != GRID.n_fine_bins:
        raise DataError(f"{len(bits)} spectrum bits instead of {GRID.n_fine_bins}")
    unknown = sorted(set(bits) - {"0", "1"})
    if unknown:
        raise DataError(f"spectrum bit {', '.join(map(repr, unknown))}; only 0 and 1 are known")
    centres = GRID.fine_centres_ppm(i for i, bit in enumerate(bits) if bit == "1").tolist()
    half_width = GRID.fine_width_ppm / 2
    return PeakList(tuple(Peak(centre, half_width_ppm=half_width) for centre in centres))
