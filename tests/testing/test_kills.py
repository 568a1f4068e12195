"""A run that is ended before its end, as by a timeout of CI."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from test_green_project import write_green
from trial import Trial


def test_a_kill_drops_the_scratch_databases(trial: Trial) -> None:
    """As Ctrl-C does, and not as an exit would, which pytest takes for the failure of one test."""
    write_green(trial)
    ready = trial.pytester.path / "ready"
    trial.write(
        "test_own.py",
        f"""\
        import pathlib
        import time


        def test_waits(cascade_database):
            pathlib.Path({str(ready)!r}).touch()
            time.sleep(100)


        def test_comes_never():
            raise AssertionError
        """,
    )
    run = trial.pytester.popen([sys.executable, "-m", "pytest", *trial.arguments()], stdin=subprocess.DEVNULL)
    while not ready.exists() and run.poll() is None:
        time.sleep(0.05)
    assert len(trial.databases()) == 1
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 2
    assert b"KeyboardInterrupt" in output
    assert b"1 failed" not in output
