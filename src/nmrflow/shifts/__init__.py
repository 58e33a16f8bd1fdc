"""From a structure to the distribution of its carbons' shifts, and to a spectrum code."""
