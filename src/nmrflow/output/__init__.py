"""Answers as files: tables, SDF, pictures, a page."""
