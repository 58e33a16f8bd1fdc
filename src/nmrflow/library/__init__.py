"""Libraries: what is known, labelled with predicted spectra, to be searched."""
