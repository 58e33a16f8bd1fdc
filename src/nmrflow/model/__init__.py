"""A trained network: what it consists of, its files, its answers in numbers."""
