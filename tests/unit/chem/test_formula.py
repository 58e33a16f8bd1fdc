"""Molecular formulas as they are typed and pasted."""

import pytest

from nmrflow.chem.formula import plain_formula
from nmrflow.errors import StructureError


@pytest.mark.parametrize(
    "text",
    ["C7H8", "C₇H₈", "C7 H8", "c7h8", "H8C7", " C7H8\u00a0", "C<sub>7</sub>H<sub>8</sub>",
     "C_7H_8", "$C_{7}H_{8}$", "Ｃ７Ｈ８"],
)  # fmt: skip
def test_a_formula_as_it_is_pasted(text: str) -> None:
    assert plain_formula(text) == "C7H8"


@pytest.mark.parametrize("text", ["co", "c7h8o", "cs2", "C7H8+", "C7H8C2", "7", "", "C07H8"])
def test_what_may_be_two_formulas_or_none_is_refused(text: str) -> None:
    with pytest.raises(StructureError, match="is none of a molecule"):
        plain_formula(text)
