"""What the paper reports, quantity by quantity, and which of our scores is the same.

Kuhn, Dwarka, Grenda, Vainikko, *Reversible Deep Learning for 13C NMR in Chemoinformatics: On
Structures and Spectra*, arXiv:2602.03875, 2026. Ten random splits unless said otherwise.
"""

from dataclasses import dataclass

from nmrflow.evaluation.paper.conditional import NOISE_LEVELS

PAPER_CD = (0.598, 2.761, 5.380, 10.559, 21.110, 38.130)
PAPER_RCD = (0.141, 0.636, 1.107, 1.083, 0.579, 0.598)
"""The paper's Table 4, one sample, at its noise levels."""


@dataclass(frozen=True)
class Quantity:
    """One figure of the paper.

    Args:
        label: What it is, for people.
        key: Our score's name, as flattened from ``evaluation.json``; with ``epoch`` a column
            of the table of epochs.
        published: The paper's value, as text.
        epoch: Of which epoch.
    """

    label: str
    key: str
    published: str
    epoch: int | None = None


_TABLE_1 = {
    1: ("0.1053", "0.1016", "0.1079", "0.0016"),
    5: ("0.1747", "0.0806", "0.1145", "0.0015"),
    10: ("0.1707", "0.0410", "0.1519", "0.0016"),
}
_TABLE_1_COLUMNS = (
    ("F1 macro", "val/f1_macro"),
    ("loss y, last training batch", "train/last_batch/loss_y"),
    ("loss y, validation", "val/loss_y"),
    ("loss x, last training batch", "train/last_batch/loss_x"),
)

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("F1 of y, macro", "spectrum/f1_macro", "0.1695 (0.1548 to 0.1839)"),
    *(
        Quantity(f"Table 1, epoch {epoch}: {label}", key, value, epoch)
        for epoch, values in _TABLE_1.items()
        for (label, key), value in zip(_TABLE_1_COLUMNS, values, strict=True)
    ),
    Quantity("reconstruction, greatest error", "inversion/max_abs_error", "9e-5 to 1.5e-4"),
    Quantity("reconstruction, mean error", "inversion/mean_abs_error", "5e-5 to 7e-5"),
    Quantity("Table 3: mean of z, mean over molecules", "latent/z_mean_mean", "0.0858"),
    Quantity("Table 3: mean of z, sd over molecules", "latent/z_mean_std", "0.0334"),
    Quantity("Table 3: std of z, mean over molecules", "latent/z_std_mean", "0.5861"),
    Quantity("Table 3: std of z, sd over molecules", "latent/z_std_std", "0.0795"),
    *(
        Quantity(
            f"Table 4: {label}, noise {level:g}, {norm}",
            f"conditional/{kind}_local{suffix}/{level:g}",
            f"{value}",
        )
        for norm, suffix in (("L1", ""), ("L2", "_l2"))
        for label, kind, values in (("deviation", "cd", PAPER_CD), ("relative", "rcd", PAPER_RCD))
        for level, value in zip(NOISE_LEVELS, values, strict=True)
    ),
    Quantity("conditional variation, mean", "conditional/variation_mean", "3.4648"),
    Quantity("conditional variation, sd over molecules", "conditional/variation_std", "0.8280"),
    Quantity(
        "conditional variation over the last axis of x only, mean",
        "conditional/variation_rows_mean",
        "3.4648",
    ),
    Quantity("the same, sd", "conditional/variation_rows_std", "0.8280"),
    *(
        Quantity(f"inverse, number of {label}, as the {how}", f"{place}/{key}", value)
        for place, how in (
            ("published_inverse", "code tests it"),
            ("structure", "text describes it"),
        )
        for label, key, value in (
            ("bonds", "bond_count_correlation", "0.1863 (0.0971 to 0.2284)"),
            ("aromatic bonds", "aromatic_bond_count_correlation", "0.1775 (0.0956 to 0.2073)"),
        )
    ),
    Quantity("Table 2: examples shown", "examples", "10"),
    Quantity("entropy estimate of x, bits", "entropy/x_bits", "76"),
)
"""In the order of the report; each is a row there."""
