"""Values that a column of a type can have, as PostgreSQL reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from alembic_cascade.proof.catalogue import Column

FIRST_DAY = datetime(2001, 1, 1)  # noqa: DTZ001 - the session's time zone is PostgreSQL's matter
DAYS = 9_000

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Candidate(NamedTuple):
    """A value by the number of a row; None is NULL. ``varies`` is whether rows get different ones.

    ``is_default`` is what the column gives itself: ``of`` is then an SQL expression of it.
    """

    of: Callable[[int], str | None]
    varies: bool = False
    is_default: bool = False


def constant(text: str | None) -> Candidate:
    return Candidate(lambda _number: text)


NULL = constant(None)


def short(number: int) -> str:
    """A number in few letters: with 36 digits."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def length_of(column: Column) -> int | None:
    """How many letters, or bits, a column takes; None where there is no limit."""
    if column.modifier < 0:
        return None
    if column.type.plain_name in {"varchar", "bpchar"}:
        return column.modifier - 4
    return column.modifier if column.type.plain_name in {"bit", "varbit"} else None


def text_like(column: Column, of: Callable[[int], str]) -> Candidate:
    """Text that the column has room for: of what is too long, the end, which is what differs."""
    room = length_of(column)
    return Candidate((lambda number: of(number)[-room:]) if room is not None else of, varies=True)


def candidates(column: Column) -> list[Candidate]:
    """What to try in a column, the most likely first; empty where nothing is known of its type."""
    type_ = column.type
    if type_.kind == "e":
        return [constant(label) for label in type_.labels]
    if type_.plain_name in _BY_TYPE:
        return list(_BY_TYPE[type_.plain_name](column))
    match type_.category:
        case "A":
            return [constant("{}")]
        case "S":
            return [text_like(column, lambda number: f"v{short(number)}"), constant("")]
        case "R":
            return [constant("{}") if type_.kind == "m" else constant("empty")]
        case _:
            return []


def _varying(of: Callable[[int], str], *others: str) -> Callable[[Column], Iterator[Candidate]]:
    def made(_column: Column) -> Iterator[Candidate]:
        yield Candidate(of, varies=True)
        yield from map(constant, others)

    return made


def _whole(largest: int) -> Callable[[Column], Iterator[Candidate]]:
    return _varying(lambda number: str(number % largest), "0", "1", "2", "5", "10", "100")


def _numeric(column: Column) -> Iterator[Candidate]:
    precision, scale = 1_000, 0
    if column.modifier >= 0:
        precision, scale = (column.modifier - 4) >> 16 & 0xFFFF, (column.modifier - 4) & 0x7FF
    whole = precision - scale
    if whole > 0:
        yield Candidate(lambda number: str(number % 10 ** min(whole, 30)), varies=True)
        yield from map(constant, ("0", "1", "5"))
    if scale:
        yield constant("0.5")
        yield constant("0")


def _bits(column: Column) -> Iterator[Candidate]:
    size = length_of(column) or 8
    yield Candidate(lambda number: f"{number:0{size}b}"[-size:], varies=True)


def _moment(number: int) -> datetime:
    return FIRST_DAY + timedelta(days=number % DAYS, seconds=number // DAYS % 86_400)


def _day(number: int) -> date:
    return _moment(number).date()


def _time(number: int) -> str:
    return str((FIRST_DAY + timedelta(seconds=number % 86_400)).time())


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _range(of: Callable[[int], object]) -> Callable[[Column], Iterator[Candidate]]:
    return _varying(lambda number: f"[{of(2 * number)},{of(2 * number + 1)})")


def _ranges(of: Callable[[int], object]) -> Callable[[Column], Iterator[Candidate]]:
    return _varying(lambda number: f"{{[{of(2 * number)},{of(2 * number + 1)})}}")


def _vector(column: Column) -> Iterator[Candidate]:
    size = max(column.modifier, 1)
    yield constant(f"[{','.join(['1'] * size)}]")


_RANGED: dict[str, Callable[[int], object]] = {
    "int4": lambda number: number % 2**30,
    "int8": lambda number: number,
    "num": lambda number: number,
    "date": _day,
    "ts": lambda number: f'"{_moment(number)}"',
    "tstz": lambda number: f'"{_moment(number)}"',
}

_BY_TYPE: dict[str, Callable[[Column], Iterator[Candidate]]] = {
    "int2": _whole(2**15),
    "int4": _whole(2**31),
    "int8": _whole(2**63),
    "oid": _whole(2**31),
    "numeric": _numeric,
    "float4": _whole(2**20),
    "float8": _whole(2**50),
    "money": _whole(2**40),
    "bool": lambda _column: iter((constant("true"), constant("false"))),
    "char": lambda _column: map(constant, "abc"),
    "uuid": _varying(lambda number: f"ca5cade0-0000-4000-8000-{number % 16**12:012x}"),
    "date": _varying(lambda number: str(_day(number))),
    "timestamp": _varying(lambda number: str(_moment(number))),
    "timestamptz": _varying(lambda number: str(_moment(number))),
    "time": _varying(_time),
    "timetz": _varying(_time),
    "interval": _varying(lambda number: f"{number} seconds", "0", "1 day"),
    "json": lambda _column: map(constant, ("{}", "[]", '"a"')),
    "jsonb": _varying(lambda number: f'{{"v": {number}}}', "{}", "[]", '"a"'),
    "jsonpath": lambda _column: iter((constant("$"),)),
    "bytea": _varying(lambda number: f"\\x{number:016x}", ""),
    "inet": _varying(_address, "::1"),
    "cidr": _varying(lambda number: f"{_address(number)}/32"),
    "macaddr": _varying(lambda number: f"08{number % 16**10:010x}"),
    "macaddr8": _varying(lambda number: f"08{number % 16**14:014x}"),
    "bit": _bits,
    "varbit": _bits,
    "pg_lsn": _varying(lambda number: f"0/{number % 16**8:x}"),
    "xml": lambda _column: iter((constant("<a/>"),)),
    "tsvector": _varying(lambda number: f"v{number}"),
    "tsquery": _varying(lambda number: f"v{number}"),
    "point": _varying(lambda number: f"({number},0)"),
    "line": lambda _column: iter((constant("{1,1,0}"),)),
    "lseg": _varying(lambda number: f"[({number},0),({number},1)]"),
    "box": _varying(lambda number: f"(({number},0),({number + 1},1))"),
    "path": _varying(lambda number: f"[({number},0),({number},1)]"),
    "polygon": _varying(lambda number: f"(({number},0),({number},1),({number + 1},1))"),
    "circle": _varying(lambda number: f"<({number},0),1>"),
    # Of widespread extensions.
    "hstore": _varying(lambda number: f"v=>{number}"),
    "ltree": _varying(lambda number: f"v{number}"),
    "vector": _vector,
    "geometry": _varying(lambda number: f"POINT({number % 180} 0)"),
    "geography": _varying(lambda number: f"POINT({number % 180} 0)"),
    **{f"{name}range": _range(of) for name, of in _RANGED.items()},
    **{f"{name}multirange": _ranges(of) for name, of in _RANGED.items()},
}
