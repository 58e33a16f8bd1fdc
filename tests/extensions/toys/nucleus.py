"""19F, as far as a network needs it."""

from nmrflow.spectra.nucleus import Nucleus, Solvent, SolventLine


class Fluorine19(Nucleus):
    """19F: 320 ppm from -250 upwards, in bits of 5 ppm."""

    def __init__(self) -> None:
        super().__init__(
            mass=19,
            element="F",
            noun="fluorine",
            atomic_number=9,
            min_shift_ppm=-300.0,
            max_shift_ppm=150.0,
            start_ppm=-250.0,
            fine_width_ppm=0.5,
            n_fine_bins=640,
            n_bins=64,
            typical_ppm=(-110.0, -60.0),
            shown_ppm=(50.0, -250.0),
            solvents=(Solvent("C6D6", (SolventLine(-163.0),)),),
        )
