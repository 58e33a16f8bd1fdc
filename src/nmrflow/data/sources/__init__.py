"""One reader per format; each gives records and an account of what it left out."""
