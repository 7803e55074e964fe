"""How many questions the portal answers: wrk on loopback, half a million candidates.

python -m tests.benchmarks.portal --out build/bench.json [--people 500000] [--seconds 15]
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.figures import tell
from tests.portal.conftest import Sealed, record

PROCESSES = 2
_SCRIPT = """
local token, people = os.getenv("TOKEN"), tonumber(os.getenv("PEOPLE"))
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
init = function(args) math.randomseed(os.time()) end
request = function()
  local n = math.random(1, people)
  local body = string.format("ticket=37%010d&id_number=3701021990%08d&token=%s&work=0", n, n, token)
  return wrk.format("POST", "/result", headers, body)
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("FIGURES %.1f %.3f %d %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def seal(folder: Path, people: int) -> tuple[Sealed, float]:
    """A sealed file of so many candidates, and the seconds that sealing took."""
    sealed = Sealed(folder)
    many = [record(n, id_number=f"3701021990{n:08d}") for n in range(1, people + 1)]
    begun = time.perf_counter()
    sealed.seal(many)
    return sealed, time.perf_counter() - begun


@contextmanager
def serving(sealed: Sealed, processes: int = PROCESSES, **more: str) -> Iterator[tuple[str, int]]:
    """A portal with its limits raised; its address and process id. Stopped at the end.

    `more` are other settings, without PORTAL_ before them.
    """
    keys = sealed.folder / "keys.toml"
    keys.write_text("".join(f'"{name}" = "{key}"\n' for name, key in sealed.keys.items()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dict(os.environ) | {
        "PORTAL_FILE": str(sealed.folder / "shown.portal"),
        "PORTAL_SECRET": str(sealed.folder / "secret"),
        "PORTAL_KEYS": str(keys),
        "PORTAL_STATE": str(sealed.folder),
        "PORTAL_WORK_BITS": "0",
        "PORTAL_PER_ADDRESS": "2000000000",
        "PORTAL_PER_NUMBER": "2000000000",
        "PORTAL_PER_FORM": "2000000000",
    }
    environment |= {f"PORTAL_{name}": value for name, value in more.items()}
    code = "import sys; from admin_api.cli import main; sys.argv[0] = 'kaowu'; main()"
    command = [sys.executable, "-c", code, "portal", "serve", "--port", str(port)]
    running = subprocess.Popen([*command, "--processes", str(processes)], env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=2).read()
                break
            except OSError:
                assert running.poll() is None, "the portal did not start"
                time.sleep(0.1)
        yield address, running.pid
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(30)


def token_of(address: str) -> str:
    page = urllib.request.urlopen(f"{address}/", timeout=5).read().decode()
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def load(
    address: str, folder: Path, people: int, seconds: int, connections: int = 32
) -> dict[str, float]:
    """What wrk measures: answers a second, the 99th percentile in ms, and what went wrong."""
    script = folder / "ask.lua"
    script.write_text(_SCRIPT)
    environment = dict(os.environ) | {"TOKEN": token_of(address), "PEOPLE": str(people)}
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), address]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    figures = re.search(r"FIGURES (\S+) (\S+) (\d+) (\d+)", said.stdout)
    assert figures is not None, said.stdout + said.stderr
    rate, p99, refused, broken = figures.groups()
    return {
        "rps": float(rate),
        "p99_ms": float(p99),
        "refused": int(refused),
        "broken": int(broken),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=500_000)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="portal-") as name:
        folder = Path(name)
        sealed, took = seal(folder, asked.people)
        print(f"sealed {asked.people} in {took:.1f} s", flush=True)
        with serving(sealed) as (address, _):
            load(address, folder, asked.people, 3)
            found = load(address, folder, asked.people, asked.seconds)
    assert not found["refused"], found
    assert not found["broken"], found
    figures = {
        "portal_rps": found["rps"],
        "portal_p99_ms": found["p99_ms"],
        "portal_seal_500k_s": took,
    }
    tell(figures, asked.out)


if __name__ == "__main__":
    main()
