"""The command line: ``nmrflow predict``, ``elucidate``, ``rank``, ``assign`` and their like."""
