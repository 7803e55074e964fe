"""A PostgreSQL server of the tests' own, on loopback, stopped by its process id."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

_PATIENCE_S = 60


@dataclass(slots=True)
class Server:
    """A running server; every call of `database` makes another database."""

    port: int
    command: list[str | Path]
    folder: Path
    account: dict[str, str]
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._process = process = subprocess.Popen(
            self.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            **self.account,
        )
        deadline = time.monotonic() + _PATIENCE_S
        while not self.is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, writing nothing more, as a power cut does; what was committed comes back."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def database(self, like: str = "") -> str:
        """The URL of a new database: an empty one, or a copy of another that nobody uses now."""
        name = f"office{next(self._numbers)}"
        template = f" TEMPLATE {like.rpartition('/')[2]}" if like else ""
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name}{template}")
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def is_up(self) -> bool:
        """Whether it takes connections."""
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        )


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server in a folder of its own and stop it at the end."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    # PostgreSQL refuses to run as root.
    account = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if account:
        shutil.chown(folder, "postgres", "postgres")
    place = folder / "cluster"
    made = [programs / "initdb", "-D", place, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*made, "--locale=C"], check=True, capture_output=True, cwd=folder, **account)
    port = _free_port()
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command = [programs / "postgres", "-D", place, "-p", str(port), *settings]
    server = Server(port, command, folder, account)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Where the newest server's programs are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    if program := shutil.which("postgres"):
        return Path(program).resolve().parent
    raise RuntimeError("PostgreSQL is not installed; make test installs it with apt")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
