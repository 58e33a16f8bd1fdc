"""The first pass gives what a plain loop over molecules, groups and peaks gives."""

from pathlib import Path

import numpy as np
import pytest

from nmrflow.library.build import build
from nmrflow.library.labels import scales_ppm
from nmrflow.library.library import Library
from nmrflow.library.scan import OPEN, WINDOW_PPM, scan, with_strays
from nmrflow.model.trained import TrainedFlow
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList


@pytest.fixture
def library(molecules: Path, named: str, predicting: TrainedFlow, tmp_path: Path) -> Library:
    build([molecules], tmp_path / "lib", model=named, shard_rows=5)
    return Library(tmp_path / "lib", predicting)


@pytest.mark.parametrize("shifts", [(20.0,), (14.1, 60.3, 171.0), (-19.0, 259.0, 20.0, 20.0)])
def test_scores_are_those_of_a_plain_loop(library: Library, shifts: tuple[float, ...]) -> None:
    axis = ShiftAxis()
    peaks = PeakList(tuple(map(Peak, shifts)))
    rows, scores = scan(library, peaks, axis, None, library.n)
    assert sorted(rows) == list(range(library.n))
    assert (np.diff(scores) <= 0).all()
    places = library.places_ppm(axis)
    for row, score in zip(rows, scores, strict=True):
        cells = library.cells[library.starts[row] : library.starts[row + 1]]
        scale, predicted = scales_ppm(cells // len(places)), places[cells % len(places)]
        away = np.abs(predicted[:, None] - np.array(shifts))
        density = -away.min(axis=1) / scale - np.log(2 * scale)
        # A code tells shifts to a bin: what lies at the window's edge may count or not.
        nearest = away.min(axis=0)
        if (np.abs(nearest - WINDOW_PPM) < 1.7).any():
            continue
        n_covered = int((nearest < WINDOW_PPM).sum())
        expected = with_strays(density, axis.nucleus).sum()
        expected += OPEN.extra * (len(shifts) - n_covered)
        expected += OPEN.shared * max(len(cells) - n_covered, 0)
        assert score == pytest.approx(expected, abs=1e-3)


def test_some_rows_and_the_best_of_them(library: Library) -> None:
    axis, peaks = ShiftAxis(), PeakList((Peak(30.0), Peak(128.0)))
    every, scores = scan(library, peaks, axis, None, library.n)
    some = np.array([1, 4, 5, 9])
    rows, own = scan(library, peaks, axis, some, 3)
    kept = [k for k, row in enumerate(every) if row in some][:3]
    assert rows.tolist() == every[kept].tolist()
    assert own.tolist() == scores[kept].tolist()
    assert not len(scan(library, peaks, axis, np.zeros(0, dtype=np.int64), 3)[0])
