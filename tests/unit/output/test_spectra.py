"""Spectra of answers as texts that are read back."""

from typing import Any

from nmrflow.answers.fit import Fit
from nmrflow.answers.prediction import Prediction
from nmrflow.formats.jcamp import read_jcamp
from nmrflow.formats.text_reader import read_peaks
from nmrflow.output.spectra import as_jcamp, as_published, peaks_of


def test_a_prediction_is_read_back_with_its_atoms(prediction: Prediction) -> None:
    found = read_jcamp(as_jcamp(prediction, "toluene"))
    assert found.peaks == peaks_of(prediction).peaks
    assert found.metadata["title"] == "toluene"
    told = {peak.shift_ppm: peak.atoms for peak in found.peaks}
    for group in prediction.groups:
        assert told[round(group.shift_ppm, 2)] == tuple(str(atom + 1) for atom in group.atoms)


def test_measured_peaks_stay_as_they_are_but_for_what_assigning_tells(toluene_fit: Fit) -> None:
    given = toluene_fit.peaks
    found = peaks_of(toluene_fit)
    assert sorted(found.shifts_ppm) == sorted(given.shifts_ppm)
    assert found.metadata == given.metadata
    (stray,) = [peak for peak in found.peaks if peak.shift_ppm == 60.0]
    assert stray.atoms == ()
    assert read_jcamp(as_jcamp(toluene_fit, "")).peaks == found.peaks


def test_a_papers_sentence_is_read_back(answered: Any) -> None:
    for item in answered.items:
        if item.answer is None:
            continue
        text = as_published(item.answer)
        assert text.startswith("13C NMR")
        told = peaks_of(item.answer)
        found = read_peaks(text)
        assert found.shifts_ppm == told.shifts_ppm
        for one, other in zip(found.peaks, told.peaks, strict=True):
            assert (one.multiplicity, one.n_carbons) == (other.multiplicity, other.n_carbons)
