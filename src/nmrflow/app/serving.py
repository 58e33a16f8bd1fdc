"""Starting and ending the page."""

import os
from pathlib import Path

from nmrflow.app.server import (
    LOOPBACK,
    check_vendored,
    free_port,
    log_settings,
    open_when_ready,
    private_folder,
)
from nmrflow.console import say
from nmrflow.errors import ConfigError


def serve(
    host: str, port: int | None, own: str | None, libraries: tuple[Path, ...], *, opens: bool
) -> None:
    """Serve the page until somebody ends the process.

    Args:
        host: Where to listen; beyond loopback others can use the page, and are warned of.
        port: Or None: a free one.
        own: A network of the user's own beside those of the package.
        libraries: That may be searched.
        opens: Whether to open the browser.

    Raises:
        ConfigError: If gradio is not installed.
        DataError: If the port cannot be had, or the editor's files are damaged.
    """
    check_vendored()
    port = free_port(host, port)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{port}/"
    hosts = {f"{name}:{port}"}
    if host in LOOPBACK:
        hosts |= {f"{one}:{port}" for one in ("127.0.0.1", "localhost", "[::1]")}
    else:
        say(
            f"nmrflow: {host} is not this machine alone: whoever reaches {url} can use the page, "
            "and what they send is not encrypted. Without --host nobody else can."
        )
    with private_folder() as folder:
        os.environ |= {
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": str(folder),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        try:
            import uvicorn

            from nmrflow.app.routes import application
        except ImportError as error:
            raise ConfigError(
                f"the page needs gradio ({error}): pip install 'nmrflow[app]'"
            ) from error
        from nmrflow.app.gate import Gate
        from nmrflow.app.networks import Networks
        from nmrflow.app.page import Page

        page = Page(Networks(own, libraries))
        gate = Gate(application(page, host, port), frozenset(hosts))
        page.networks.load_soon()
        say(f"{url}\nStop with Ctrl+C.")
        if opens:
            open_when_ready(url, host, port)
        uvicorn.run(gate, host=host, port=port, timeout_graceful_shutdown=1, **log_settings())
