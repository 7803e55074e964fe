"""Whether two machines read with the same engine, to the byte."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from importlib import metadata, resources

_LIBRARIES = ("imagecodecs", "numba", "numpy", "opencv-python", "simplejpeg", "zxing-cpp")
_PACKAGES = ("omr", "scanner_drivers")


@cache
def engine_mark() -> str:
    """A digest of the code that reads, and of the libraries that decide what it reads."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for name in _LIBRARIES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for package in _PACKAGES:
        root = resources.files(package)
        with resources.as_file(root) as folder:
            for path in sorted(folder.rglob("*.py")):
                digest.update(f"{path.relative_to(folder.parent)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
