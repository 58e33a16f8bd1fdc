"""Molecules as cells, and back."""
