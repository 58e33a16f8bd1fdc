"""What the page's functions work with, apart from how it looks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event

from nmrflow.app import cards
from nmrflow.app.elucidating import Elucidating, elucidate_text
from nmrflow.app.kept import Kept
from nmrflow.app.networks import Networks
from nmrflow.app.tasks import Answered


@dataclass(frozen=True)
class Page:
    """What the page's functions work with.

    Args:
        networks: That answer.
        kept: Answers, for files.
        stops: Of work that is going on, by the visitor's session.
    """

    networks: Networks
    kept: Kept = field(default_factory=Kept)
    stops: dict[str, Event] = field(default_factory=dict)

    def show(self, answered: Answered) -> str:
        """An answer as HTML, its files kept."""
        token = None if answered.heading is None else self.kept.keep(answered)
        return cards.of_answered(answered, token)

    def elucidate(self, asked: Elucidating, session: str) -> Iterator[tuple[str, str]]:
        """Where the work stands, and the answer so far."""
        stop = self.stops[session] = Event()
        shown = ""
        try:
            for step in elucidate_text(self.networks, asked, stop):
                if step.answered is not None:
                    keeps = step.is_last
                    shown = (
                        self.show(step.answered)
                        if keeps
                        else cards.of_answered(step.answered, None)
                    )
                yield cards.of_step(step.sentence, is_last=step.is_last), shown
        finally:
            stop.set()
            if self.stops.get(session) is stop:
                del self.stops[session]

    def stop(self, session: str) -> None:
        """End what a session's visitor waits for."""
        if stop := self.stops.get(session):
            stop.set()
