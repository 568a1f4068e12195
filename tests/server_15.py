"""Runs the tests on Debian's PostgreSQL 15, in a cluster of its own that is gone afterwards."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

BINARIES = Path("/usr/lib/postgresql/15/bin")


def main() -> int:
    """What pytest returns; 0, and a plain word, where there are no binaries."""
    if not BINARIES.exists():
        print(f"PostgreSQL 15 was NOT tested: there is no {BINARIES}.")
        return 0
    # PostgreSQL does not run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="cascade-15-") as name:
        if user:
            owner = pwd.getpwnam(user)
            os.chown(name, owner.pw_uid, owner.pw_gid)
        data = f"{name}/data"
        _run("initdb", "--auth=trust", "--encoding=utf8", "--username=postgres", "--pgdata", data, user=user)
        settings = f"-h '' -k {name} -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        _run("pg_ctl", "--wait", "--pgdata", data, "--log", f"{name}/log", "--options", settings, "start", user=user)
        try:
            return subprocess.run(
                [
                    sys.executable, "-m", "pytest", f"--postgresql-host={name}", "--postgresql-port=5432",
                    *sys.argv[1:],
                ],
                check=False,
            ).returncode  # fmt: skip
        finally:
            _run("pg_ctl", "--wait", "--pgdata", data, "--mode=fast", "stop", user=user)


def _run(program: str, *arguments: str, user: str | None) -> None:
    subprocess.run([str(BINARIES / program), *arguments], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
