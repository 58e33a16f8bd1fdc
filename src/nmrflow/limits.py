"""How large things may be: the numbers of docs/limits.md, which stand nowhere else.

They are far above what measurements and molecules are, and low enough that what is taken is
answered within a minute and a gigabyte.
"""

MAX_TEXT_BYTES = 20_000_000
"""Of a file that is read whole, as spectra are, unpacked; characters of a record of an SDF."""

MAX_LINE = 1 << 20
"""Bytes of a line of any text."""

MAX_PASTED = 2_000_000
"""Characters of a text that is pasted, or read from a file, into the browser's page."""

MAX_PACKED_RATIO = 200
"""Unpacked against packed size of a gzip file beyond its first :data:`MAX_LINE`."""

MAX_PEAKS = 1_024
"""Of a spectrum."""

MAX_PEAKS_PER_ATOM = 4
"""Of a spectrum to elucidate, for each atom of the greatest molecule of a network's domain."""

MAX_NUMBERS = 20_000
"""In the text of a spectrum: shifts, coupling constants and all others."""

MAX_SPECTRUM_LINES = 10_000
"""In the text of a spectrum, comments included."""

MAX_NOTATION = 100_000
"""Characters of a SMILES or an InChI."""

MAX_ATOMS = 10_000
"""Of a molecule, written hydrogens included."""

MAX_ROW_LINES = 100
"""Lines of a row of a table, whose quoted cells may hold line ends."""

MAX_SHARED_LINES = 100_000
"""Lines of comments above the first of several spectra, which are said of all: times spectra."""

MAX_THREADS = 256
"""Of computation, and processes that work side by side."""

MAX_SAMPLES = 4_000
"""Draws for a spectrum."""

MAX_SAMPLES_WITH_HYDROGENS = 1_500
"""The same of a network whose tables tell hydrogens: its molecules are larger, and a beam finds
more of them."""

MAX_YAML_BYTES = 1_000_000
"""Of a file of a configuration."""

MAX_NESTING = 50
"""Nodes within each other, of a configuration and of what a checkpoint tells."""

MAX_PART_SIZE = 65_536
"""Of a part of a network, such as a width, a number of layers or of bins."""

MAX_DOMAIN_ATOMS = 1_000
"""Heavy atoms of a domain's largest molecule: a table has a cell for each pair of them."""

MAX_COUNTS = {"n_threads": MAX_THREADS, "n_samples": MAX_SAMPLES}
"""Those of settings, by name."""
