"""Text as it is pasted from word processors, web pages and input methods, made plain."""

import html
import re
from unicodedata import normalize

from nmrflow.spectra.nucleus import Nucleus
from nmrflow.spectra.peaks import BRACKET

# Full-width marks separate; the blank keeps a comma between digits from being a decimal one.
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {
    ord(mark): f"{plain} " for mark, plain in {"，": ",", "、": ",", "；": ";", "：": ":"}.items()
}
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_DASHES = re.compile("[‐‑‒–—−﹣]")
_TILDE = re.compile(r"(?<=[0-9])\s*[~∼〜]\s*(?=[0-9])")

_TAG = re.compile(
    r"</?(?:sup|sub|i|b|u|em|strong|br|p|div|span|font|li|table|thead|tbody|tr|td|th|html|body)\b"
    r"[^<>]*>",
    re.IGNORECASE,
)
_LINE_ENDS = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^<>]*>", re.IGNORECASE)
_CELL_END = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
_RAISED = re.compile(r"<sup\b[^<>]*>([^<>]*)</sup\s*>", re.IGNORECASE)

_LATEX_WORD = re.compile(r"\\(?:mathrm|mathit|mathbf|text[a-z]{0,2}|rm|ce|emph)\s*\{([^{}]*)\}")
_LATEX = {
    r"\delta": "δ", r"\times": "×", r"\,": " ", r"\;": " ", r"\ ": " ", r"\textsuperscript": "^"
}  # fmt: skip
_POWER = re.compile(r"\^\{([^{}]*)\}|\^([0-9A-Za-z*]+)\^?")
_INDEX = re.compile(
    r"_\{([^{}]*)\}|(?<=[A-Za-z])_([0-9]{1,2})(?![0-9])|(?<=[A-Za-z])~([0-9]{1,2})~"
)
_EMPHASIS = re.compile(
    r"(\*\*|__)(?=\S)([^*_\n]+)\1|(?<![\w*.])([*_])(?=[A-Za-z])([^*_\n]+)\3(?!\w)"
)
_RULE = re.compile(r"\|?(?:[ \t]*:?-{3,}:?[ \t]*\|)+(?:[ \t]*:?-{3,}:?)?", re.ASCII)

_SHIFT_WITH_MARK = re.compile(
    rf"{BRACKET}|(?<![\w.])(?P<shift>[+-]?[0-9]+(?:[.,][0-9]+)?)"
    r"(?:(?P<mark>[*†‡§¶]+|[⁰¹²³⁴-⁹ᵃᵇᶜᵈᵉᶠ]+|\^\([^()\n]*\)|(?<=[.,][0-9])[abcef]|"
    r"(?<=[.,][0-9]{2})[abcef])(?![\w*+-])|\s*[x×*]\s*(?P<count>[1-9][0-9]?)(?![\w.]))"
)
# Word writes Greek letters and signs of its font Symbol with codes of the private area.
_WIDE_OR_SYMBOL = _WIDE | {0xF064: "δ", 0xF0B4: "×", 0xF02D: "-", 0xF0B0: "°"}
_TRANSLATED = re.compile(f"[。{''.join(map(chr, _WIDE_OR_SYMBOL))}]")
_MARK_UP = re.compile(r"[\\$^_~*]")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴-⁹]")
_SUBSCRIPT = re.compile("[₀-₉]")
_MARK = re.compile(r"[0-9](?:[*†‡§¶⁰¹²³⁴-⁹ᵃᵇᶜᵈᵉᶠ^abcef]|\s*[x×*])")
# Any character, or shift with a mark, that would become something else.
_NOT_PLAIN = re.compile(r"[^\x00-\x7f]|[&\\$^_~*]|[0-9](?:[abcef]|\s*x)")


def without_markup(text: str) -> str:
    """The text with one kind of line end, without tags of HTML and bars around Markdown's rows.

    A superscript of HTML becomes LaTeX's, which :func:`plain_text` reads.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "<" in text and _TAG.search(text):
        text = _RAISED.sub(lambda match: f"^{{{match[1]}}}", text)
        text = _CELL_END.sub("\t", _LINE_ENDS.sub("\n", text))
        text = html.unescape(_TAG.sub("", text))
    if "---" in text and any(map(_is_rule, text.split("\n"))):
        text = "\n".join(map(_without_bars, text.split("\n")))
    return text


def plain_text(text: str, nucleus: Nucleus) -> str:
    """The text with one kind of dash, digit, comma and bracket, without signs of mark-up.

    Sub- and superscripts of names (¹³C, CDCl₃) become digits on the line. A footnote's sign
    behind a shift stands in brackets then, where notes stand: it must not become one of the
    shift's digits.
    """
    if not _NOT_PLAIN.search(text):
        return text  # As most lists, and most cells of tables.
    if "&" in text:
        text = html.unescape(text)
    if _MARK_UP.search(text):
        text = _without_marks(text)
    if not text.isascii():
        text = _without_foreign_signs(text, nucleus)
    text = _TILDE.sub("-", text)
    return _SHIFT_WITH_MARK.sub(_with_mark_aside, text) if _MARK.search(text) else text


def _without_foreign_signs(text: str, nucleus: Nucleus) -> str:
    """The text with ASCII's dashes and points, and digits on the line."""
    if _TRANSLATED.search(text):
        text = re.sub("。(?![0-9])", ". ", text).translate(_WIDE_OR_SYMBOL)
    text = _DASHES.sub("-", text)
    if "·" in text:
        text = re.sub("(?<=[0-9])·(?=[0-9])", ".", text)
    if _SUPERSCRIPT.search(text):
        for name in (nucleus.name, "1H"):
            text = text.replace(name.translate(_SUPERSCRIPTS), name)
    if _SUBSCRIPT.search(text):
        text = re.sub("(?<=[A-Za-z])[₀-₉]+", lambda match: normalize("NFKC", match[0]), text)
    return text


def _with_mark_aside(match: re.Match[str]) -> str:
    if match["mark"]:
        return f"{match['shift']} ({match['mark'].strip('^()')})"
    return f"{match['shift']} x{match['count']}" if match["count"] else match[0]


def _without_marks(text: str) -> str:
    """LaTeX and Markdown without their signs."""
    if "\\" in text:
        text = _LATEX_WORD.sub(r"\1", text)
        for sign, plain in _LATEX.items():
            text = text.replace(sign, plain)
        text = re.sub(r"\\([*_#~\[\]()-])", r"\1", text)
    if text.count("$") > 1:
        text = text.replace("$", "")
    text = re.sub("(?<=[0-9])~(?=[A-Za-z])", " ", text)
    text = _INDEX.sub(lambda m: m[1] or m[2] or m[3] or "", text)
    text = _EMPHASIS.sub(lambda m: m[2] or m[4], text)
    return _POWER.sub(_raised, text)


def _raised(match: re.Match[str]) -> str:
    """A superscript: on the line in a name, aside behind a number."""
    raised = match[1] if match[1] is not None else match[2]
    before = match.string[match.start() - 1 : match.start()]
    return f"^({raised})" if before.isdigit() else raised


def _is_rule(line: str) -> bool:
    return _RULE.fullmatch(line.strip()) is not None


def _without_bars(line: str) -> str:
    """A row of a Markdown table without the bars around it; of the rule below a head nothing."""
    if _is_rule(line):
        return ""
    row = line.strip()
    return row[1:-1] if len(row) > 1 and row[0] == row[-1] == "|" else line
