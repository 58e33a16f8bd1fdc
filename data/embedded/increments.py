"""The numbers of the additivity rules for 13C chemical shifts, and where they are from.

* D. M. Grant and E. G. Paul, "Carbon-13 Magnetic Resonance. II. Chemical Shift Data for the
  Alkanes", J. Am. Chem. Soc. 1964: increments of alkane carbons;
* L. P. Lindeman and J. Q. Adams, "Carbon-13 Nuclear Magnetic Resonance Spectrometry. Chemical
  Shifts for the Paraffins through C9", Anal. Chem. 1971: branched alkanes;
* D. E. Dorman, M. Jautelat and J. D. Roberts, "Carbon-13 Nuclear Magnetic Resonance
  Spectroscopy. Quantitative Correlations of the Carbon Chemical Shifts of Acyclic Alkenes",
  J. Org. Chem. 1971: alkenes;
* D. F. Ewing, "13C Substituent Effects in Monosubstituted Benzenes", Org. Magn. Reson. 1979:
  benzenes;
* E. Pretsch, P. Buehlmann and M. Badertscher, "Structure Determination of Organic Compounds":
  the collected form in which all of them are written here, with steric corrections,
  unsaturated substituents and alkynes.

All values are in ppm; shifts are from tetramethylsilane.
"""

from typing import NamedTuple

SP3_BASE = -2.3
"""Base value of an sp3 carbon, ppm (Grant and Paul)."""

SP3_INCREMENTS = (9.1, 9.4, -2.5, 0.3, 0.1)
"""What an sp3 carbon adds in alpha, beta, gamma, delta, epsilon, ppm (Grant and Paul)."""

STERIC_CORRECTIONS = (
    (0.0, 0.0, -1.1, -3.4),
    (0.0, 0.0, -2.5, -7.5),
    (0.0, -3.7, -9.5, None),
    (-1.5, -8.4, None, None),
)
"""Correction of a carbon with (row + 1) carbon neighbours for each neighbour that has
(column + 1) of them, ppm (Pretsch et al.); None where the rules are refused."""

BENZENE = 128.5
"""Shift of benzene, ppm; also the base of :data:`ARYL_INCREMENTS`."""

ARYL_INCREMENTS = {
    "methyl": (9.2, 0.7, -0.1, -3.0),
    "ethyl": (15.6, -0.5, 0.0, -2.6),
    "primary": (14.3, -0.1, -0.2, -2.8),
    "secondary": (20.2, -2.2, -0.1, -2.8),
    "tertiary": (22.4, -3.1, -0.2, -2.9),
}
"""Increments at the ipso, ortho, meta and para carbon by kind of alkyl group, ppm (Ewing;
Pretsch et al.). "secondary" is tabulated for isopropyl, "tertiary" for tert-butyl."""

ARYL_METHYL = 21.4
"""Measured shift of the methyl carbon of toluene, ppm."""

ORTHO_ON_ARYL_METHYL = -1.6
"""Change of an aryl methyl carbon for each neighbouring alkyl group, ppm: the difference
between o-xylene (19.8) and toluene."""

CYCLOALKANES = {3: -2.8, 4: 22.4, 5: 25.8, 6: 27.0, 7: 28.7, 8: 26.8, 9: 26.0, 10: 25.1}
"""Measured shifts of the unsubstituted cycloalkanes by ring size, ppm. Ring strain has no
increment: each is a value of its own. Collections agree on them to about 0.5 ppm."""

CYCLOHEXYL_RINGS = {1: (33.1, 35.8, 26.8, 26.6), 2: (39.8, 33.3, 26.7, 27.0)}
"""Measured ring shifts 1 to 4 of methyl- and ethylcyclohexane, ppm."""

CYCLOHEXYL_RING_LONG = (37.7, 33.6, 26.7, 27.0)
"""Measured ring shifts 1 to 4 of propylcyclohexane, ppm; a longer chain changes them little."""

CYCLOHEXYL_SHORT_CHAINS = {1: (22.9,), 2: (30.2, 11.5)}
"""Measured chain shifts of methyl- and ethylcyclohexane from the ring outwards, ppm."""


class Group(NamedTuple):
    """An unsaturated group as a substituent of an sp3 carbon.

    Attributes:
        increments: What it adds in alpha to epsilon, ppm. It counts once, at its nearest
            carbon.
        flat: How many neighbours of that nearest carbon the steric corrections pass over: the
            far end of C#C, which points straight away, and one edge of a benzene ring, which
            turns its face. Read so, the corrections meet the inner carbons of cumene
            (34.3 for 34.1 ppm) and tert-butylbenzene (34.2 for 34.7 ppm).
    """

    increments: tuple[float, ...]
    flat: int


NO_GROUP = Group((), 0)
ALKENYL = Group((19.5, 6.9, -2.1, 0.4, 0.0), 0)
ALKYNYL = Group((4.4, 5.6, -3.4, -0.6, 0.0), 1)
PHENYL = Group((22.1, 9.3, -2.6, 0.3, 0.0), 1)
"""Unsaturated substituents of sp3 carbons (Pretsch et al.)."""


class Multiple(NamedTuple):
    """Increments at a carbon of a multiple bond, ppm.

    Attributes:
        base: Shift in ethene or ethyne.
        own: Carbons in alpha, beta, ... on its own side.
        other: Carbons in alpha', beta', ... on the other side.
        geminal: Two alpha carbons.
        other_geminal: Two alpha' carbons.
        beta_pair: Each pair of beta carbons on the same alpha carbon. Some reprints give it
            as +2.3; 3-methyl-1-butene (145.9 ppm) and 3,3-dimethyl-1-butene (149 ppm) lie
            below the plain sums (148.3, 155.5 ppm), so it is to be subtracted.
    """

    base: float
    own: tuple[float, ...]
    other: tuple[float, ...]
    geminal: float = 0.0
    other_geminal: float = 0.0
    beta_pair: float = 0.0


ALKENE = Multiple(123.3, (10.6, 7.2, -1.5), (-7.9, -1.8, 1.5), -4.8, 2.5, -2.3)
ALKYNE = Multiple(71.9, (6.9, 4.8, -0.1, 0.5), (-5.7, 2.3, 0.5, 0.2))
"""Alkenes (Dorman, Jautelat and Roberts) and alkynes (Pretsch et al.)."""
