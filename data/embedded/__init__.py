"""How the embedded molecules and their shifts are made; the package has the result as a file."""
