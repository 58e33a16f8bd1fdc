"""Molecules: the structure type, codecs, and structures made by rule. Alone knows RDKit."""
