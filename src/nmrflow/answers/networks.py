"""Which network is asked unless another is named."""

DEFAULT, OF_HYDROCARBONS = "organic", "hydrocarbons"
"""Names of the networks that are used unless another is named: where a formula of C and H alone is
to be elucidated, the second."""

MOST_CARBONS = 17
"""Of the network of hydrocarbons."""


def network_for(formula: str | None) -> str:
    """The network that is asked for structures unless another is named.

    Raises:
        StructureError: If the formula is none.
    """
    from nmrflow.chem.formula import parse_formula  # Not for --help, which needs the names alone.

    counts = {} if formula is None else parse_formula(formula)
    of_two = counts.keys() == {"C", "H"} and 2 <= counts["C"] <= MOST_CARBONS
    return OF_HYDROCARBONS if of_two else DEFAULT
