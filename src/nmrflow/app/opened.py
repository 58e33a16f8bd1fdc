"""Files that a browser sends, as text for the page's fields."""

from pathlib import Path
from tempfile import TemporaryDirectory

from nmrflow.errors import DataError, NmrflowError
from nmrflow.files.reading import read_text
from nmrflow.limits import MAX_PASTED


def text_of(content: bytes, name: str) -> dict[str, str]:
    """A file's text, or why there is none: ``{"text": …}`` or ``{"error": …}``.

    Args:
        content: Of the file, packed where its name ends with ``.gz``.
        name: As the browser calls it; nothing is ever written or read under it.
    """
    shown = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())[:100]
    shown = shown or "the file"
    ending = ".gz" if name.lower().endswith(".gz") else ".txt"
    with TemporaryDirectory(prefix="nmrflow-") as folder:
        file = Path(folder) / f"given{ending}"
        file.write_bytes(content)
        try:
            text = read_text(file, "peaks or molecules", 4 * MAX_PASTED)
            if len(text) > MAX_PASTED:
                raise DataError(
                    f"{file}: more than {MAX_PASTED:,} characters; give the command the file"
                )
        except NmrflowError as error:
            return {"error": str(error).replace(str(file), shown)}
    return {"text": text, "said": f"{shown}: {len(text):,} characters"}
