"""Molecules made by rule and by random edits."""
