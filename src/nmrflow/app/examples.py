"""What the page's examples fill in."""

MENTHOL = "CC(C)C1CCC(C)CC1O menthol"
MENTHOL_PEAKS = "71.5, 50.1, 45.0, 34.5, 31.6, 25.8, 23.1, 22.2, 21.0, 16.1"
MENTHOL_FORMULA = "C10H20O"
TOLUENE_PEAKS = (
    "13C NMR (101 MHz, CDCl3) δ 137.9 (C), 129.1 (2 × CH), 128.3 (2 × CH), 125.3 (CH), 77.2, "
    "21.5 (CH3)."
)
TOLUENE = "Cc1ccccc1"
ISOMERS = (
    "Cc1ccccc1 toluene\nC1C=CC=CC=C1 cycloheptatriene\nC1C2C=CC1C=C2 norbornadiene\n"
    "C1C2C3C2C4C1C34 quadricyclane"
)
