"""A file that is written whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from alembic_cascade.errors import CascadeError


def check_writable(path: Path) -> None:
    """Refuse early what could not be written at the end.

    Errors: :exc:`.CascadeError`.
    """
    if path.is_dir():
        raise CascadeError(f"{path} is a directory. Name a file in it.")
    if not path.parent.is_dir():
        raise CascadeError(f"There is no directory {path.parent} for {path.name}. Make it first.")


def write_whole(path: Path, text: str) -> None:
    """Put ``text`` there, as UTF-8: beside its place first, so that whoever reads the old file meanwhile has all of it.

    What is no file, such as a pipe, is written to as it is.
    Errors: :exc:`.CascadeError`.
    """
    check_writable(path)
    try:
        # A link stays one.
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8", newline="\n")
            return
        # A name that nobody can lay a link under, and that is no longer than the file's own may be.
        draft = target.with_name(f".{token_hex(8)}.draft")
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            try:
                if target.exists():
                    draft.chmod(target.stat().st_mode)
                file.write(text)
                file.close()
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)
    except RuntimeError as error:
        # Python before 3.13 says it so.
        raise CascadeError(f"{path} can't be written: it is a link that leads to itself.") from error
    except OSError as error:
        raise CascadeError(f"{path} can't be written: {error.strerror}. It is as it was.") from error
