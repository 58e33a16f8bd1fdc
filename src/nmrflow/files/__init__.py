"""Files: text opened with errors that say what to do; files written whole, or not at all."""
