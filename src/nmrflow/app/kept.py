"""Answers that can be fetched as files, in memory, a limited number of them."""

import re
import secrets
import threading
from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory

from nmrflow.app.tasks import Answered
from nmrflow.errors import DataError
from nmrflow.output.writers import FORMS, SINGLE, file_stem, open_outputs

N_ANSWERS, N_ITEMS = 100, 5_000
"""That are kept, the newest, and what they may hold together."""

MEDIA = {
    ".csv": "text/csv", ".json": "application/json", ".html": "text/html",
    ".sdf": "chemical/x-mdl-sdfile", ".svg": "image/svg+xml", ".png": "image/png",
    ".txt": "text/plain", ".jdx": "chemical/x-jcamp-dx",
}  # fmt: skip

_NAME = re.compile(r"(?:(\d{1,6}))?(\.[a-z]+)")


class Kept:
    """The newest answers, by a token that nobody can guess."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, Answered] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, answered: Answered) -> str:
        """A token for an answer; the oldest make place for it."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._answers[token] = answered
            while len(self._answers) > 1 and (
                len(self._answers) > N_ANSWERS
                or sum(len(one.items) for one in self._answers.values()) > N_ITEMS
            ):
                self._answers.popitem(last=False)
        return token

    def file(self, token: str, name: str) -> tuple[bytes, str, str]:
        """An answer as a file.

        Args:
            token: Of the answer.
            name: Its form, as ``.csv``; of one item alone with its position before, ``3.svg``.

        Returns:
            Content, name and media type.

        Raises:
            DataError: If the answer is not kept, or has no such form.
        """
        with self._lock:
            answered = self._answers.get(token)
        match = _NAME.fullmatch(name)
        if answered is None or answered.heading is None:
            raise DataError("this answer is not kept any more; ask once more")
        if match is None or match[2] not in FORMS or (match[2] in SINGLE and not match[1]):
            raise DataError(f"no answer has the form {name[:40]!r}")
        items = answered.items
        if match[1]:
            items = items[int(match[1]) : int(match[1]) + 1]
        if not items:
            raise DataError("the answer has no such part")
        command = str(answered.heading.about.get("command", "answer"))
        stem = file_stem(items[0].title) if match[1] else command
        with TemporaryDirectory(prefix="nmrflow-") as folder:
            file = Path(folder) / f"answer{match[2]}"
            with open_outputs([file], answered.heading) as add:
                for item in items:
                    add(item)
            if not file.exists():
                raise DataError("there is nothing to draw in this part of the answer")
            content = file.read_bytes()
        return content, f"{stem or command}{match[2]}", MEDIA[match[2]]
