"""Mutated files of spectra and molecules: read, or refused in words; no crash and no hang."""

import random
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nmrflow.answers.question import ask
from nmrflow.answers.sentences import remarks_on
from nmrflow.chem.notation import inchi, structure_from_smiles, write_molblock
from nmrflow.errors import NmrflowError
from nmrflow.formats.jcamp import write_jcamp
from nmrflow.formats.molecule_files import read_molecules
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.spectrum_sdf import write_record
from nmrflow.formats.text_writer import write_peaks
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList

LONGEST_S = 10.0
N_LEAST = 5
AXIS = ShiftAxis()
TOLUENE = structure_from_smiles("Cc1ccccc1")
PEAKS = PeakList(
    (
        Peak(137.9, "S", 1, 0.5, atoms=("2",)),
        Peak(129.1, "D", 2, 1.0, 0.1, note="d, J = 3 Hz"),
        Peak(77.2),
        Peak(21.5, "Q"),
    ),
    {"solvent": "CDCl3", "frequency_mhz": "101"},
)
RECORD = write_record(
    TOLUENE, (21.5, 137.9, 129.1, 128.3, 125.4, 128.3, 129.1), name="toluene", solvent="CDCl3"
)
with warnings.catch_warnings(action="ignore"):
    WRITTEN = {form: write_peaks(PEAKS, form) for form in ("publication", "table", "csearch")}
SPECTRA = {
    "list.txt": "137.9, 129.1-128.9; 77.2 21.5\n",
    "paper.txt": "1H NMR (400 MHz) δ 7.2 (m, 5H). " + WRITTEN["publication"]
    + "HRMS calcd 92.0621.\n",
    "table.csv": WRITTEN["table"],
    "csearch.txt": WRITTEN["csearch"],
    "mnova.txt": "\tppm\tIntensity\tType\tFlags\tImpurity/Compound\n1\t137.9\t3\tCompound\t\t\n"
    "2\t77.16\t12\tSolvent\tNone\tCDCl3\n",
    "page.txt": "<table><tr><th>No.</th><th>&delta;<sub>C</sub></th></tr><tr><td>1</td><td>21.5"
    "<sup>a</sup></td></tr></table>",
    "readme.txt": "| carbon | 13C (ppm) | DEPT |\n|---|---|---|\n| 1/5 | 129.1 | CH |\n",
    "latex.txt": r"$^{13}$C NMR (CDCl$_3$) $\delta$ 137.9, 129.1$^{a}$, 21.5 (\textit{J})",
    "columns.txt": "1 137.9 1250\n2 129.1 980\n3 21.5 700\n",
    "peaklist.xml": '<?xml version="1.0"?>\n<PeakList><PeakList1D><Peak1D F1="21.5" '
    'intensity="1.0"/></PeakList1D></PeakList>\n',
    "peak.txt": "# ADDRESS FREQUENCY INTENSITY\n [Hz] [PPM]\n 1 9.0 2163.1 21.5 4.3\n",
    "peaks.jdx": write_jcamp(PEAKS, "toluene"),
    "notebook.jdx": "##TITLE=x\n##DATA TYPE=LINK\n##BLOCKS=2\n##TITLE=x\n##DATA TYPE=NMR X\n"
    "##.OBSERVE NUCLEUS=^13C\n##XUNITS=PPM\n##.SOLVENT NAME=CDCl3\n##END=\n##TITLE=x\n"
    "##DATA TYPE=NMRPEAKTABLE\n##$CSCATEGORY=EDIT_PEAK\n##PEAKTABLE= (XY..XY)\n137.9, 1.0\n",
    "record.sdf": RECORD,
    "nmredata.sdf": RECORD.replace("L=s0", "S=s, N=3, L=s0"),
}  # fmt: skip
MOLECULES = {
    "list.smi": "Cc1ccccc1 toluene\nCCO\nC1CC1 |c:1| x\n",
    "list.inchi": f"{inchi(TOLUENE)} toluene\n",
    "table.csv": 'id,SMILES,note\n1,Cc1ccccc1,"a\nb"\n2,CCO,\n',
    "table.tsv": "smiles\tname\nCCO\tethanol\n",
    "record.sdf": RECORD,
    "old.mol": write_molblock(TOLUENE).replace("V2000", "v2000"),
}
TOKENS = [
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\t", b" ", b",", b";", b"(",
    b")", b"[", b"<", b">", b"|", b"&", b"\\", b"$", b"^", b"_", b"~", b"*", b"#", b'"', b"=",
    b"-", b".", b"1e999", b"nan", b"0", b"9" * 400, "δ，²½".encode(), b"$$$$", b"M  END",
    b"##END=", b"<!DOCTYPE a>",
    b"13C NMR", b"DEPT", b"2 x", b"<sup>", b"CH2", b"{", b"}",
]  # fmt: skip


def mutate(content: bytes, rng: random.Random) -> bytes:
    """The content with parts changed, cut out, doubled, or repeated very often."""
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        start = rng.randrange(len(content) + 1)
        stop = start + rng.choice([0, 0, 1, 1, 3, 9, 80])
        part = rng.choice(
            [b"", rng.choice(TOKENS), bytes([rng.randrange(256)]), content[start:stop] * 2]
        )
        if rng.random() < 0.03:
            part = (part or b" ") * rng.choice([50, 3_000])
        content = content[:start] + part + content[stop:]
    return content


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends what computes for longer, which is a hang."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {seconds:g} s of computation")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _each_mutated(
    files: dict[str, str], name: str, n: int, folder: Path
) -> Iterator[tuple[Path, bytes]]:
    rng = random.Random(f"{name}")
    file = folder / name
    for _ in range(n):
        content = mutate(files[name].encode(), rng)
        file.write_bytes(content)
        yield file, content


@pytest.mark.parametrize("name", SPECTRA)
def test_mutated_spectra(tmp_path: Path, attack_scale: int, name: str) -> None:
    n_read = 0
    for file, content in _each_mutated(
        SPECTRA, name, max(N_LEAST, attack_scale // len(SPECTRA)), tmp_path
    ):
        try:
            with at_most(LONGEST_S):
                for row in read_spectra(str(file)):
                    assert (row.peaks is None) == (row.reason is not None), content
                    assert row.reason is None or row.reason.isprintable(), content
                    if row.peaks is not None:
                        question = ask(row.peaks, AXIS)
                        assert all(remarks_on(question)), content
                        for shift_ppm in question.shifts_ppm:
                            AXIS.check_shift(shift_ppm)
                        n_read += 1
        except NmrflowError:
            continue
    assert n_read or attack_scale < 1_000


@pytest.mark.parametrize("name", MOLECULES)
def test_mutated_molecules(tmp_path: Path, attack_scale: int, name: str) -> None:
    n_read = 0
    n = max(N_LEAST, attack_scale // len(MOLECULES))
    for file, content in _each_mutated(MOLECULES, name, n, tmp_path):
        try:
            with at_most(LONGEST_S):
                for row in read_molecules(file):
                    assert (row.structure is None) == (row.reason is not None), content
                    n_read += row.structure is not None
        except NmrflowError:
            continue
    assert n_read or attack_scale < 1_000
