"""Lines of assigned shifts: what is kept, what is left out and counted, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from nmrflow.chem.domain import Domain
from nmrflow.data.sources.shift_lines import ShiftLines
from nmrflow.errors import ConfigError, DataError

DOMAIN = Domain([["C", 0, 4], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1]], max_atoms=6)
ETHANOL = {"smiles": "OCC", "shifts": [[1, 57.3], [2, 17.9]]}


def reader(folder: Path, *lines: dict[str, Any] | str, **settings: Any) -> ShiftLines:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file = folder / "lines.jsonl"
    file.write_text("\n".join(texts) + "\n")
    return ShiftLines(str(file), DOMAIN, **settings)


def test_a_line_is_a_record_with_atoms_as_the_smiles_numbers_them(tmp_path: Path) -> None:
    (record,) = reader(tmp_path, ETHANOL, "").read().records
    assert record.structure.elements == ("O", "C", "C")
    assert [(p.shift_ppm, p.atoms, p.multiplicity) for p in record.peaks.peaks] == [
        (57.3, ("1",), "T"),
        (17.9, ("2",), "Q"),
    ]
    assert record.provenance == f"{tmp_path / 'lines.jsonl'}:1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({**ETHANOL, "ambiguous_mapping": True}, "atoms that could not be told apart"),
        ({**ETHANOL, "shift_on_non_carbon": True}, "a shift on an atom of another element"),
        ({"smiles": "OCC", "shifts": [[0, 57.3]]}, "a shift on an atom of another element"),
        ({"smiles": "OCC", "shifts": [[1, 257.3]]}, "a shift outside -10 to 235 ppm"),
        ({"smiles": "OCC", "shifts": []}, "no shift"),
        ({"smiles": "SCC", "shifts": [[1, 17.0]]}, "other elements"),
        ({"smiles": "C[N](C)C", "shifts": [[0, 45.0]]}, "other kinds of their atoms, or larger"),
        ({"smiles": "CCCCCCC", "shifts": [[0, 14.0]]}, "other kinds of their atoms, or larger"),
        ({"smiles": "CC.O", "shifts": [[0, 7.0]]}, "no molecule in one piece"),
        ({"smiles": "[13CH3]C", "shifts": [[0, 7.0]]}, "no molecule in one piece"),
    ],
)
def test_what_is_left_out_is_counted_by_reason(
    line: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    found = reader(tmp_path, line, ETHANOL).read()
    assert len(found.records) == 1
    assert list(found.n_excluded.values()) == [1]
    assert reason in next(iter(found.n_excluded))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2"),
        ("[1, 2]", "line 2"),
        ({"shifts": []}, "lacks 'smiles'"),
        ({"smiles": 5, "shifts": []}, "smiles 5 is no text"),
        ({"smiles": "CC", "shifts": [[2, 7.0]]}, "no atom 2 in CC"),
        ({"smiles": "CC", "shifts": [[-1, 7.0]]}, "no atom -1 in CC"),
        ({"smiles": "CC", "shifts": [[0, "high"]]}, "could not convert"),
        ({"smiles": "CC", "shifts": [[0]]}, "line 2"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_lines_that_are_none_are_named(
    line: dict[str, Any] | str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="1 bad line; nothing was loaded") as raised:
        reader(tmp_path, ETHANOL, line).read()
    assert said in str(raised.value)


def test_a_shift_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    found = reader(tmp_path, '{"smiles": "CC", "shifts": [[0, NaN]]}', ETHANOL).read()
    assert found.n_excluded == {"a shift outside -10 to 235 ppm": 1}


def test_nothing_usable_and_no_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no usable record \(1 no shift\)"):
        reader(tmp_path, {"smiles": "CC", "shifts": []}).read()
    with pytest.raises(ConfigError, match=r"give data\.path=FILE"):
        ShiftLines(None, DOMAIN)
    with pytest.raises(ConfigError, match=r"give data\.domain"):
        ShiftLines("lines.jsonl", None)
    with pytest.raises(ConfigError, match="nothing between"):
        reader(tmp_path, ETHANOL, low_ppm=5.0, high_ppm=5.0)
