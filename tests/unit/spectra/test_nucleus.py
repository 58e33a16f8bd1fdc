"""A second nucleus, which only the tests define: read, cut into bins, drawn and written."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.nucleus import Fluorine19

from nmrflow.chem.structure import Structure
from nmrflow.data.dataset import fine_codes, say_off_scale
from nmrflow.data.records import Record
from nmrflow.data.sources.assigned import AssignedShifts
from nmrflow.data.sources.nmrshiftdb2 import Nmrshiftdb2
from nmrflow.data.splits import records_hash
from nmrflow.errors import SpectrumError
from nmrflow.formats.jcamp import read_jcamp, write_jcamp
from nmrflow.formats.spectrum_files import read_spectra
from nmrflow.formats.spectrum_sdf import (
    read_sdf_spectra,
    write_nmredata_record,
    write_nmrshiftdb2_record,
    write_record,
)
from nmrflow.formats.text_reader import read_peaks
from nmrflow.formats.text_writer import write_peaks
from nmrflow.shifts.mixture import bin_edges_ppm
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.nucleus import Carbon13
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.spectra.plot import plot_mirror
from nmrflow.spectra.solvents import split_foreign_lines

F19 = Fluorine19()
AXIS = ShiftAxis(nucleus=F19)
PEAKS = PeakList(
    (
        Peak(-62.9, n_carbons=3, intensity=3.0, note="s"),
        Peak(-110.25, half_width_ppm=0.05),
        Peak(21.5, atoms=("7",)),
    ),
    {"solvent": "CDCl3", "frequency_mhz": "376.5"},
)
DIFLUOROETHANE = Structure.from_smiles("CC(F)F")
SHIFTS = (None, None, -110.25, -110.25)


def test_a_nucleus_says_its_name() -> None:
    assert (F19.name, F19.heading) == ("19F", "19F shift / ppm")
    assert F19.spellings == ("19F", "F19", "FLUORINE19")
    assert [F19.group(n) for n in range(3)] == ["F", "FH", "FH2"]
    assert (F19.letter(0), F19.groups) == (None, {})


def test_carbon_is_as_ever() -> None:
    assert Carbon13().groups == {"S": "C", "D": "CH", "T": "CH2", "Q": "CH3"}
    assert [Carbon13().letter(n) for n in range(5)] == ["S", "D", "T", "Q", None]
    assert (Carbon13().name, Carbon13().heading) == ("13C", "13C shift / ppm")
    assert ShiftAxis(nucleus=Carbon13()) == ShiftAxis()
    assert hash(ShiftAxis()) == hash(ShiftAxis(nucleus=Carbon13()))
    assert ShiftAxis() != AXIS


def test_bins_begin_where_the_axis_does() -> None:
    assert AXIS.to_fine_bins([-300.0, -250.0, -249.5, 0.0, 69.9, 70.0, 150.0]).tolist() == [
        0, 0, 1, 500, 639, 639, 639,
    ]  # fmt: skip
    assert AXIS.n_off_scale([-250.1, -250.0, 69.9, 70.0]) == 2
    assert AXIS.centres_ppm()[[0, 1, -1]].tolist() == [-247.5, -242.5, 67.5]
    assert bin_edges_ppm(AXIS).tolist() == AXIS.bin_edges_ppm().tolist()
    assert AXIS.bin_edges_ppm()[[0, 49, -1]].tolist() == [-245.0, 0.0, 65.0]
    assert AXIS.places(np.array([-250.0, 0.0])).tolist() == [0.0, 50.0]
    with pytest.raises(SpectrumError, match="outside -300 to 150"):
        AXIS.to_fine_bins([200.0])


@given(st.integers(0, AXIS.n_fine_bins - 1))
def test_a_centre_lies_in_its_bin(fine_bin: int) -> None:
    centres = AXIS.fine_centres_ppm([fine_bin])
    assert AXIS.to_fine_bins(centres).tolist() == [fine_bin]
    assert int(AXIS.places(centres)[0]) == fine_bin // AXIS.n_fine_per_bin
    code = AXIS.code_from_shifts(centres)
    assert np.searchsorted(AXIS.bin_edges_ppm(), centres)[0] == code.argmax()


@pytest.mark.filterwarnings("ignore::nmrflow.formats.left_out.LeftOutWarning")
@pytest.mark.parametrize("form", ["list", "table", "publication", "csearch"])
def test_text(form: str) -> None:
    text = write_peaks(PEAKS, form, F19)
    found = read_peaks(text, AXIS)
    assert found.shifts_ppm == PEAKS.shifts_ppm
    assert write_peaks(found, form, F19) == text
    with pytest.raises(SpectrumError, match=r"is no 13C shift|is no part of a 13C|not a shift"):
        read_peaks(text)


def test_what_a_table_keeps() -> None:
    assert read_peaks(write_peaks(PEAKS, "table", F19), AXIS) == PEAKS


@pytest.mark.parametrize(
    "head", ["19F NMR", "¹⁹F{1H} NMR", "F-19 NMR", "19F NMR (376 MHz, CDCl3) δF", "δ_F"]
)
def test_heads_of_publications(head: str) -> None:
    found = read_peaks(f"{head} −62.9 (s, 3F), -110.2 (CF2), 21.5 (2 × F).", AXIS)
    assert found.peaks == (
        Peak(-62.9, n_carbons=3, note="s"),
        Peak(-110.2, note="CF2"),
        Peak(21.5, n_carbons=2),
    )


def test_another_nucleus_is_refused() -> None:
    for text in ("# nucleus=13C\n-62.9", "13C NMR δ 21.5"):
        with pytest.raises(SpectrumError, match="19F"):
            read_peaks(text, AXIS)
    with pytest.raises(SpectrumError, match="is no multiplicity; give nothing"):
        read_peaks("ppm,multiplicity\n-62.9,Q", AXIS)
    with pytest.raises(SpectrumError, match="'\\^19F' is not 13C"):
        read_jcamp(write_jcamp(PEAKS, nucleus=F19))


def test_jcamp() -> None:
    text = write_jcamp(PEAKS, "a title", F19)
    assert "##.OBSERVE NUCLEUS= ^19F\n" in text
    for spelling in ("^19F", "19F", "F19", "Fluorine-19"):
        found = read_jcamp(text.replace("^19F", spelling), AXIS)
        assert found.shifts_ppm == PEAKS.shifts_ppm
        assert found.metadata == {**PEAKS.metadata, "title": "a title"}


@pytest.mark.parametrize("write", [write_record, write_nmrshiftdb2_record, write_nmredata_record])
def test_records(tmp_path: Path, write) -> None:
    file = tmp_path / "a.sdf"
    file.write_text(write(DIFLUOROETHANE, SHIFTS, solvent="CDCl3", nucleus=F19))
    for (row,) in (list(read_sdf_spectra(file, AXIS)), list(read_spectra(str(file), AXIS))):
        assert row.peaks == PeakList(
            (Peak(-110.25, n_carbons=2, atoms=("2", "3")),), {"solvent": "CDCl3"}
        )
        assert row.structure == DIFLUOROETHANE
    (as_carbon,) = read_sdf_spectra(file)
    assert as_carbon.reason == "the record holds no 13C spectrum"


def test_sources(tmp_path: Path) -> None:
    file, table = tmp_path / "a.sdf", tmp_path / "shifts.csv"
    file.write_text(write_nmrshiftdb2_record(DIFLUOROETHANE, SHIFTS, nucleus=F19))
    table.write_text("mol_id,atom_index,Shift,atom_type\nrecord-1,3,-111.5,9\nrecord-1,0,1,6\n")
    (record,) = Nmrshiftdb2(str(file), elements=["C", "F"], nucleus=F19).read().records
    assert record.peaks.shifts_ppm == (-110.25, -110.25)
    (assigned,) = AssignedShifts(str(file), str(table), nucleus=F19).read().records
    assert assigned.peaks.peaks == (Peak(-111.5, atoms=("3",)),)
    assert np.flatnonzero(fine_codes([record], AXIS)).tolist() == [279]
    assert say_off_scale([record], AXIS) == []
    moved = Record("", "", record.structure, PeakList((Peak(-251.0),)), "")
    assert say_off_scale([moved], AXIS) == ["1 shifts lie off the axis and fill its end bins"]
    assert records_hash([record], AXIS) != records_hash([moved], AXIS)


def test_lines_of_solvents_are_the_nucleus_s_own() -> None:
    peaks = PeakList((Peak(-163.0), Peak(-62.9), Peak(0.0)), {"solvent": "C6D6/CDCl3"})
    own, foreign = split_foreign_lines(peaks, F19)
    assert [peak.shift_ppm for peak in own] == [-62.9, 0.0]
    assert [str(line) for line in foreign] == ["-163 ppm (C6D6)"]


def test_a_picture_shows_its_range() -> None:
    ax = plot_mirror([-62.9], [-110.25], nucleus=F19)
    assert ax.get_xlim() == F19.shown_ppm
    assert ax.get_xlabel() == "19F shift / ppm"
    plt.close(ax.figure)
