"""``rehearse`` as a process of its own: interrupted, killed, and with other drivers."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
from rehearsed import COPIES, Shop
from test_cli_process import COMMAND
from test_rehearse_connections import ASYNCHRONOUS, stock

ADD_COLUMN = "op.add_column('posts', sa.Column('slug', sa.Text()))"

SLEEPING = (
    "SELECT datname FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    " AND state = 'active'"
)


def interruptible() -> None:
    """Let the process hear of Ctrl-C and of its terminal's end, also where who runs the tests ignores them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize("arguments", [(), ("--rollback",)], ids=["copy", "rollback"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 2), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_end_in_the_middle_leaves_no_copy(
    shop: Shop, arguments: tuple[str, ...], number: signal.Signals, status: int
) -> None:
    """Nor anything else: the database is as it was."""
    shop.open()
    shop.write("two", f"{ADD_COLUMN}\nop.execute('SELECT pg_sleep(60)')")
    before = shop.state()
    with subprocess.Popen(
        [*COMMAND, "rehearse", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,  # noqa: PLW1509 - this process has no other thread
    ) as process:
        for _ in range(600):
            if shop.fetch(SLEEPING) or process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == status, said
    assert said == ("error: Interrupted.\n" if number == signal.SIGINT else "")
    assert shop.fetch(COPIES) == []
    assert shop.state() == before


CREATING = "SELECT pid FROM pg_stat_activity WHERE query ~ '^CREATE DATABASE .?alembic_cascade' AND state = 'active'"


def test_an_end_while_another_thread_copies_leaves_no_copy(shop: Shop) -> None:
    """The server would go on with it, and be done after all is dropped."""
    stock(shop, ASYNCHRONOUS, shop.engine.url.set(drivername="postgresql+asyncpg"))
    # PostgreSQL waits five seconds for who is connected, and lets nobody connect meanwhile.
    with (
        shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other,
        subprocess.Popen([*COMMAND, "rehearse"], stderr=subprocess.PIPE, text=True) as process,
    ):
        for _ in range(600):
            if other.exec_driver_sql(CREATING).all() or process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        other.close()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    for _ in range(100):
        if not shop.fetch(CREATING):
            break
        time.sleep(0.1)
    assert shop.fetch(COPIES) == []
