"""Peak lists of Bruker's TopSpin: ``peaklist.xml`` and ``peak.txt`` of a processed folder."""

import re
from xml.etree import ElementTree

from nmrflow.errors import SpectrumError
from nmrflow.formats.shift_words import NUMBER, check_shift, refused
from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import Peak, PeakList, counted

_XML = re.compile(r"\s*(?:<\?xml\b[^>]*>\s*)?<PeakList\b")
_ANY_XML = re.compile(r"\s*<(?:\?xml|!DOCTYPE)")
_COLUMNS = re.compile(r"ADDRESS\s+FREQUENCY\b.*INTENSITY")
_ROW = re.compile(rf"\s*[0-9]+\s+{NUMBER}\s+{NUMBER}\s+({NUMBER})\s+({NUMBER})\s*")
_HINT = "export the peaks of the 1D spectrum again, or give a list of shifts"
_REMARK = "the file does not tell its nucleus: it was taken for {}"


def is_xml(text: str) -> bool:
    """Whether a text is XML."""
    return _ANY_XML.match(text) is not None or _XML.match(text) is not None


def is_printed(text: str) -> bool:
    """Whether a text has the columns of ``peak.txt``."""
    return _COLUMNS.search(text, 0, 20_000) is not None


def read_peaklist(text: str, nucleus: Nucleus) -> PeakList:
    """Read a ``peaklist.xml``: shifts, intensities, and annotations as notes.

    Raises:
        SpectrumError: If it is none of a 1D spectrum, or a number is no shift.
    """
    if not _XML.match(text) or re.search("<!(?!--)", text):
        raise refused(1, text[:60], "is XML, but no PeakList of TopSpin", _HINT)
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise SpectrumError(
            f"line {error.position[0]}: the XML is damaged ({error}); {_HINT}"
        ) from error
    if root.find(".//Peak2D") is not None or root.find(".//PeakList2D") is not None:
        raise refused(1, "<PeakList2D>", "is of a 2D spectrum", _HINT)
    peaks: list[Peak] = []
    for number, element in enumerate(counted(root.iter("Peak1D")), 1):
        shift, intensity = (element.get(key, "").strip() for key in ("F1", "intensity"))
        peaks.append(_peak(shift, intensity, element.get("annotation", ""), number, nucleus))
    return _listed(peaks, nucleus)


def read_printed(text: str, nucleus: Nucleus) -> PeakList:
    """Read a ``peak.txt``, whose columns are number, address, Hz, ppm and intensity.

    Raises:
        SpectrumError: If a line below its head is none of it.
    """
    lines = text.split("\n")
    head = next(k for k, line in enumerate(lines) if _COLUMNS.search(line))
    peaks: list[Peak] = []
    for number, line in enumerate(lines[head + 1 :], head + 2):
        if not line.strip() or (not peaks and "PPM" in line.upper()):
            continue
        match = _ROW.fullmatch(line)
        if not match:
            raise refused(number, line, "is no peak (number, address, Hz, ppm, intensity)", _HINT)
        peaks.append(_peak(match[1], match[2], "", number, nucleus))
    return _listed(peaks, nucleus)


def _peak(shift: str, intensity: str, note: str, line: int, nucleus: Nucleus) -> Peak:
    if not re.fullmatch(NUMBER, shift):
        raise refused(line, shift, "is not a shift", _HINT)
    check_shift(float(shift), nucleus, line, shift, "check the number")
    height = float(intensity) if re.fullmatch(NUMBER, intensity) else None
    return Peak(float(shift), intensity=height, note=" ".join(note.split()))


def _listed(peaks: list[Peak], nucleus: Nucleus) -> PeakList:
    if not peaks:
        raise refused(1, "PeakList", "holds no peak of a 1D spectrum", _HINT)
    return PeakList(tuple(peaks), remarks=(_REMARK.format(nucleus.name),))
