"""Debian's Chromium: found, or installed where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# It asks its maker for nothing, and needs no rights that a container has not.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def found() -> str | None:
    """The path of a Chromium."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def main() -> int:
    """0 where there is one; else it is installed by apt-get, where the user is root, or asked for."""
    if found() is not None:
        return 0
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return 0
    print("There is no Chromium: apt-get install chromium, or name one by CHROMIUM=/path/to/it.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
