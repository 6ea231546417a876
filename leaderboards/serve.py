"""A local web server for a board, for looking at it before it is published."""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidConfig

MARK = "leaderboard.json"
"""File that says which tracks a board shows, and that its folder is one to replace."""


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line for each of them."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves amid a download is nothing to tell of."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the board in `folder` that this machine alone can reach; port 0 takes a free one.

    Raises:
        InvalidConfig: the folder holds no board, or the port is taken.
    """
    if not (folder / MARK).is_file():
        raise InvalidConfig(
            f"{folder} holds no board; build one: nasbench leaderboard build -o {folder}"
        )
    try:
        return _Server(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    except (OSError, OverflowError) as fault:
        raise InvalidConfig(
            f"cannot listen on port {port}: {fault}; pass another --port"
        ) from fault
