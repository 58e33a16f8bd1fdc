"""Files of spectra and molecules, read and written: one parser for each format."""
