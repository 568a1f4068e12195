"""Values that a CHECK may let pass, read out of what it says: its literals, what is near them, common forms."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from alembic_cascade.proof.catalogue import Column
from alembic_cascade.proof.regexes import sample
from alembic_cascade.proof.values import Candidate, candidates, constant, length_of, short

_STRING = re.compile(r"(?P<escaped>E)?'(?P<text>(?:[^']|'')*)'", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w.])")

# A text that matches one of a CHECK's regular expressions is tried before these.
_FORMS = (
    "a{}@example.com", "https://example.com/{}", "http://example.com/{}", "example.com", "/{}", "+4930{:0>8}",
    "{:0>10}", "{}", "A{}", "{}-a", "a_{}", "A", "a", "Aa", "1", "0", "de", "DE", "EUR", "en-GB", "1.0.0", "#a1b2c3",
    "10.0.0.1", "2024-01-01", "12:00", "12:00:00", "{{}}", "[]", "image/png", "UTC",
)  # fmt: skip
_LONGEST = 4_000


def candidates_for(column: Column, expressions: Iterable[str]) -> Iterator[Candidate]:
    """What to try in a column that these conditions are about, the most likely first; the same may come twice."""
    usual = candidates(column)
    yield from usual[:1]
    said = list(expressions)
    strings = [text for expression in said for text in _strings(expression)]
    numbers = list(dict.fromkeys(number for expression in said for number in _numbers(expression)))
    match column.type.category:
        case "S":
            yield from _texts(column, strings, numbers)
        case "N":
            yield from _counts(numbers)
        case "A":
            yield from (constant(f'{{"{text}"}}') for text in strings if '"' not in text and "\\" not in text)
            yield from map(constant, ("{1}", "{a}", "{1,2}"))
        case "D" | "T":
            yield from map(constant, _days_near(strings))
            yield from map(constant, _later(column))
        case "U":
            # Of json and the like: an object with the keys that are asked for.
            yield from (constant(f'{{"{text}": "a"}}') for text in strings if '"' not in text and "\\" not in text)
        case _:
            pass
    yield from usual[1:]


def _texts(column: Column, strings: list[str], numbers: list[float]) -> Iterator[Candidate]:
    room = length_of(column)

    def fits(text: str) -> bool:
        return room is None or len(text) <= room

    for text in strings:
        matching = sample(text)
        if matching is not None and matching != text:
            yield from _form_that_varies(matching)
        if fits(text):
            yield constant(text)
    yield from (Candidate(_filled(form), varies="{" in form and form != "{{}}") for form in _FORMS)
    lengths = sorted({int(number) + more for number in numbers for more in (0, 1, -1) if number == int(number)})
    for length in lengths:
        if 0 <= length <= min(room or _LONGEST, _LONGEST):
            yield Candidate(_of_length(length, "x"), varies=length > 0)
            yield Candidate(_of_length(length, "1"), varies=False)
    # Without what is expected before or behind it.
    yield from (constant(text.strip("%")) for text in strings if "%" in text and fits(text.strip("%")))
    yield constant("")


def _form_that_varies(text: str) -> Iterator[Candidate]:
    """A text that matches a pattern, with the number of a row put where letters or digits may differ, then as it is."""
    place = re.search(r"a+|0+|1+", text)
    if place is not None:
        before, behind = text[: place.start()], text[place.end() :]
        yield Candidate(lambda number: f"{before}{place[0]}{short(number)}{behind}", varies=True)
        width = len(place[0])
        yield Candidate(lambda number: f"{before}{number % 10**width:0>{width}}{behind}", varies=True)
    yield constant(text)


def _filled(form: str) -> Callable[[int], str]:
    return lambda number: form.format(short(number) if "{}" in form else number)


def _of_length(length: int, letter: str) -> Callable[[int], str]:
    return lambda number: f"{letter * length}{short(number) if letter == 'x' else ''}"[-length:] if length else ""


def _counts(numbers: list[float]) -> Iterator[Candidate]:
    for number in numbers:
        if number == int(number):
            yield from _beside(int(number))
    for number in numbers:
        for near in (number, number + 1, number - 1, number / 2, number / 2 + 1):
            yield constant(_number(near))
    ordered = sorted(numbers)
    yield from (constant(_number((low + high) / 2)) for low, high in itertools.pairwise(ordered))


def _number(number: float) -> str:
    return f"{number:.10g}" if number != int(number) else str(int(number))


def _beside(limit: int) -> Iterator[Candidate]:
    """Numbers above a limit, and below it, others in each row."""
    yield Candidate(lambda number: str(limit + 1 + number % 500), varies=True)
    yield Candidate(lambda number: str(limit - 1 - number % 500), varies=True)


def _later(column: Column) -> Iterator[str]:
    """Moments before and after each other, and before and after today."""
    if column.type.plain_name in {"time", "timetz"}:
        yield from ("08:00", "09:00", "18:00")
    elif column.type.category == "T":
        yield from ("1 hour", "2 days", "1 month")
    else:
        yield from ("2000-01-01", "2000-01-02", "2020-06-15", "now", "tomorrow", "2090-01-01", "2090-01-02")


def _days_near(strings: Iterable[str]) -> Iterator[str]:
    """The moments that are named, a day before and a day after."""
    for text in strings:
        if re.match(r"[\d-]", text):
            yield text
        found = re.match(r"\d{4}-\d\d-\d\d", text)
        if found is not None:
            day = date.fromisoformat(found[0])
            yield from (str(day + timedelta(days=days)) for days in (-1, 1))


def _strings(expression: str) -> Iterator[str]:
    for found in _STRING.finditer(expression):
        text = found["text"].replace("''", "'")
        yield text.replace("\\\\", "\\") if found["escaped"] else text


def _numbers(expression: str) -> Iterator[float]:
    # A negative number, and one of another type, is written as text: '-5'::integer.
    bare = _STRING.sub("", expression)
    yield from (float(text) for text in _NUMBER.findall(bare))
    for text in _strings(expression):
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            yield float(text)
