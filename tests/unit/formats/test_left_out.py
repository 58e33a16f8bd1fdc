"""What a form of a peak list has no place for is said when it is written."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmrflow.errors import SpectrumError
from nmrflow.formats.jcamp import read_jcamp, write_jcamp
from nmrflow.formats.left_out import LeftOutWarning, left_out
from nmrflow.formats.text_reader import read_peaks
from nmrflow.formats.text_writer import write_peaks
from nmrflow.spectra.peaks import Peak, PeakList

FULL = PeakList(
    (Peak(137.9, "S", 1, 0.5, 0.1, ("2",), "m"), Peak(21.5)),
    {"solvent": "CDCl3", "operator": "A. N. Other"},
)
SAID = {
    "list": "multiplicities, numbers of equivalent atoms, intensities, widths, assigned atoms, "
    "notes, metadata (solvent, operator)",
    "csearch": "numbers of equivalent atoms, intensities, widths, assigned atoms, notes, "
    "metadata (solvent, operator)",
    "publication": "intensities, assigned atoms, metadata (operator)",
}


@pytest.mark.parametrize("form", SAID)
def test_what_is_left_out_is_named(form: str) -> None:
    with pytest.warns(LeftOutWarning) as warned:
        write_peaks(FULL, form)
    assert len(warned) == 1
    assert f" does not hold {SAID[form]}, which " in str(warned[0].message)


def test_nothing_is_said_where_nothing_is_left_out() -> None:
    # Warnings are errors here.
    write_peaks(FULL, "table")
    write_jcamp(FULL)
    for form in ("list", "csearch", "publication"):
        write_peaks(PeakList((Peak(137.9), Peak(21.5))), form)


def test_what_cannot_be_read_back_is_not_written() -> None:
    with pytest.raises(SpectrumError, match="outside -20 to 260"):
        write_peaks(PeakList((Peak(325.1),)), "list")


texts = st.text(max_size=6) | st.text('a1 ;=,#"()|2C', max_size=6)
lists = st.builds(
    PeakList,
    st.lists(
        st.builds(
            Peak,
            st.floats(-20, 260),
            st.sampled_from([None, "S", "Q"]),
            st.none() | st.integers(1, 9),
            st.none() | st.floats(),
            st.sampled_from([0.0, 0.1]) | st.floats(0, 5),
            st.lists(texts, max_size=2).map(tuple),
            texts,
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    st.dictionaries(st.sampled_from(["title", "solvent", "conditions", "a"]) | texts, texts),
)


@pytest.mark.parametrize("form", [*SAID, "table", "JCAMP-DX"])
@given(lists)
def test_it_is_read_as_written_or_said_to_be_otherwise(form: str, peaks: PeakList) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            text = write_jcamp(peaks) if form == "JCAMP-DX" else write_peaks(peaks, form)
        except SpectrumError:
            return
    found = read_jcamp(text) if form == "JCAMP-DX" else read_peaks(text)
    said = [str(warning.message) for warning in caught]
    parts = left_out(peaks, found)
    assert len(said) == bool(parts)
    assert all(part in said[0] for part in parts)
    if not parts:
        assert found.peaks == peaks.peaks
        assert peaks.metadata.items() <= found.metadata.items()
