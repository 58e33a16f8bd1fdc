"""Published 13C texts through the reader, against a plain extraction that shares no code with it.

    python benchmarks/reading.py FILE...

Each file holds JSON lines (``.gz`` or not) whose ``c13`` is a publication's text or its list of
shifts. The extraction drops brackets with what is in them and what stands before δ, and takes a
text only where nothing but numbers, commas, ranges and words such as ppm is left. Printed are how
many texts were taken, how many of them have the same shifts by both ways, and each difference.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from nmrflow.errors import SpectrumError
from nmrflow.formats.text_reader import read_peaks

DASHES = "-–−—‒~～"
WORDS = ("ppm", "and", "δ", "=", ":")


def texts_of(path: Path) -> Iterator[str]:
    """The texts of a file."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            if text := json.loads(line).get("c13"):
                yield text


def without_brackets(text: str) -> str:
    """The text without brackets and what is in them."""
    kept, depth = [], 0
    for character in text:
        depth += character in "(["
        if depth == 0:
            kept.append(character)
        depth -= character in ")]" and depth > 0
    return "".join(kept)


def extract(text: str) -> list[float] | None:
    """The shifts of a text, of a range its middle; None where more than numbers stands in it."""
    body = without_brackets(text)
    for mark in ("NMR", "δ"):
        if mark in body:
            body = body.split(mark, 1)[1]
    shifts = []
    for word in body.replace(",", " ").replace(";", " ").split():
        word = word.rstrip(".")
        if not word or word in WORDS:
            continue
        for dash in DASHES[1:]:
            word = word.replace(dash, "-")
        ends = word.lstrip("-").split("-")
        try:
            numbers = [float(end) for end in ends]
        except ValueError:
            return None
        if len(numbers) > 2 or ("." not in word and len(word) > 3):
            return None
        sign = -1.0 if word.startswith("-") else 1.0
        shifts.append(sign * round(sum(numbers) / len(numbers), 6))
    return shifts or None


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    n_texts = n_taken = n_equal = 0
    for file in parser.parse_args().files:
        for text in texts_of(file):
            n_texts += 1
            expected = extract(text)
            if expected is None:
                continue
            n_taken += 1
            try:
                found: list[float] | str = list(read_peaks(text).shifts_ppm)
            except SpectrumError as error:
                found = str(error)
            if found == expected:
                n_equal += 1
            else:
                print(f"\n{text}\n  reader: {found}\n  plain:  {expected}")
    print(f"\n{n_texts:,} texts, {n_taken:,} of them plain; equal {n_equal:,} ", end="")
    print(f"({n_equal / max(n_taken, 1):.1%})")


if __name__ == "__main__":
    main()
