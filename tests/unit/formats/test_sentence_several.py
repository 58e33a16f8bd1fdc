"""Sentences in which some of the peaks may be of another compound say so."""

import pytest

from nmrflow.formats.text_reader import read_peaks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "13C NMR (101 MHz, CDCl3, mixture of diastereomers) δ 170.2, 170.0*, 21.1.",
            "mixture of",
        ),
        ("13C NMR (101 MHz, CDCl3, rotamers) δ 155.2, 154.9, 79.9, 28.4.", "rotamers"),
        ("13C NMR (101 MHz, CDCl3) δ 170.2 (major), 170.0 (minor), 21.1.", "major"),
        ("170.2, 170.0 (minor isomer), 21.1", "minor"),
        ("170.2, 170.0*, 21.1, 21.0*", "*"),
        ("170.2, 170.0†, 21.1", "†"),
    ],
)
def test_peaks_of_several_compounds_are_remarked_on(text: str, said: str) -> None:
    (remark,) = read_peaks(text).remarks
    assert remark.startswith(f"'{said}")
    assert "all peaks are read as of one compound" in remark


@pytest.mark.parametrize(
    "text", ["170.2 (C=O), 129.1 (2C), 21.1 (CH3)", "13C NMR (CDCl3) δ 170.2, 136.1a, 21.1."]
)
def test_nothing_is_remarked_of_one_compound(text: str) -> None:
    assert not read_peaks(text).remarks
