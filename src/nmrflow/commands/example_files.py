"""``nmrflow examples``: one file of every form that the commands read."""

from pathlib import Path

from nmrflow.chem.notation import inchi, write_molblock
from nmrflow.chem.structure import Structure
from nmrflow.errors import DataError
from nmrflow.files.writing import write_text
from nmrflow.formats.jcamp import write_jcamp
from nmrflow.formats.spectrum_sdf import write_nmredata_record, write_nmrshiftdb2_record
from nmrflow.formats.text_writer import write_peaks
from nmrflow.spectra.peaks import Peak, PeakList

MOLECULES = {
    "toluene": "Cc1ccccc1",
    "hexane": "CCCCCC",
    "cyclohexane": "C1CCCCC1",
    "propene": "CC=C",
    "p-cymene": "CC(C)c1ccc(C)cc1",
}

_LINES = ((137.89, "S", 1), (129.07, "D", 2), (128.26, "D", 2), (125.33, "D", 1), (21.46, "Q", 1))
TOLUENE = PeakList(tuple(Peak(*line) for line in _LINES), {"solvent": "CDCl3"})
"""Measured in CDCl3; Fulmer et al., Organometallics 29, 2176 (2010), doi:10.1021/om100106e."""

_TOLUENE_ATOMS_PPM = (21.46, 137.89, 129.07, 128.26, 125.33, 128.26, 129.07)
_C7H8 = {
    "toluene": "Cc1ccccc1",
    "cycloheptatriene": "C1C=CC=CC=C1",
    "norbornadiene": "C1C2C=CC1C=C2",
    "5-methylidenecyclohexa-1,3-diene": "C=C1C=CC=CC1",
    "quadricyclane": "C1C2C3C2C4C1C34",
}

_README = """\
One file of every form that nmrflow reads. The peaks are those of toluene in CDCl3 (Fulmer et
al., Organometallics 29, 2176 (2010), doi:10.1021/om100106e).

  nmrflow predict molecules.smi
  nmrflow predict molecules.csv -o shifts.csv
  nmrflow predict molecules.sdf -o shifts.html
  nmrflow predict molecule.mol -o molecule.svg
  nmrflow predict molecules.inchi -o shifts.json
  nmrflow elucidate list.txt --formula C7H8
  nmrflow elucidate table.csv -o candidates.html -o candidates.csv
  nmrflow elucidate publication.txt -o candidates.sdf
  nmrflow elucidate csearch.txt
  nmrflow elucidate peaks.jdx
  nmrflow elucidate nmrshiftdb2.sdf
  nmrflow elucidate nmredata.sdf
  nmrflow rank list.txt candidates.smi
  nmrflow assign publication.txt molecule.mol -o assignment.png

table.csv and peaks.jdx hold all that is known of the peaks; list.txt has no place for anything but
shifts, csearch.txt for shifts and multiplicities, publication.txt for intensities and atoms.
"""


def write_examples(folder: Path) -> list[Path]:
    """Write the example files, of which some may be there already, whole; others are not touched.

    Returns:
        The files.

    Raises:
        DataError: If one exists already with other contents, or cannot be written.

    Warns:
        LeftOutWarning: Of what a form has no place for.
    """
    structures = {name: Structure.from_smiles(smiles) for name, smiles in MOLECULES.items()}
    toluene = structures["toluene"]
    assigned = toluene, _TOLUENE_ATOMS_PPM
    records = (write_molblock(structure, name) for name, structure in structures.items())
    texts = {
        "README.txt": _README,
        "molecules.smi": "".join(f"{smiles} {name}\n" for name, smiles in MOLECULES.items()),
        "molecules.csv": "id,smiles\n" + "".join(f"{n},{s}\n" for n, s in MOLECULES.items()),
        "molecules.inchi": "".join(f"{inchi(s)} {name}\n" for name, s in structures.items()),
        "molecules.sdf": "".join(f"{record}$$$$\n" for record in records),
        "molecule.mol": write_molblock(toluene, "toluene"),
        "candidates.smi": "".join(f"{smiles} {name}\n" for name, smiles in _C7H8.items()),
        "list.txt": write_peaks(TOLUENE, "list"),
        "table.csv": write_peaks(TOLUENE, "table"),
        "publication.txt": write_peaks(TOLUENE, "publication"),
        "csearch.txt": write_peaks(TOLUENE, "csearch"),
        "peaks.jdx": write_jcamp(TOLUENE, "toluene"),
        "nmrshiftdb2.sdf": write_nmrshiftdb2_record(*assigned, name="toluene", solvent="CDCl3"),
        "nmredata.sdf": write_nmredata_record(*assigned, name="toluene", solvent="CDCl3"),
    }
    try:
        for name, text in texts.items():
            file = folder / name
            if file.exists() and file.read_bytes() != text.encode():
                raise DataError(f"{file}: exists already; name another folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)
    except OSError as error:
        raise DataError(f"{folder}: the examples cannot be written ({error})") from error
    return [folder / name for name in texts]
