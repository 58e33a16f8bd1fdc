"""What can be typed to open the page: ``nmrflow app``."""

from pathlib import Path
from typing import Annotated

import typer

from nmrflow.commands.options import Threads
from nmrflow.errors import errors_for_people


def page(
    *,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where to listen. Default: 7860, or free.")
    ] = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen at; others than this machine's own let others in."),
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    library: Annotated[
        list[Path] | None,
        typer.Option(help="Library's folder that may be searched. May be given several times."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A network of your own, a run's folder.")
    ] = None,
    threads: Threads = 1,  # Single molecules gain nothing from two, which wait for each other.
) -> None:
    """Open a page in the browser that does what the commands do, on this machine alone.

    It needs the extra app: pip install "nmrflow[app]"

    Example: nmrflow app --library LIB
    """
    with errors_for_people():
        from nmrflow.commands.settings import Settings

        settings = Settings("", (), "stop", threads, is_quiet=True)
        settings.prepare()
        import torch

        torch.set_num_threads(threads)
        from nmrflow.app.serving import serve

        serve(host, port, model, tuple(library or ()), opens=browser)
