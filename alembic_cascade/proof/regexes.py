"""A text that a regular expression of PostgreSQL's matches: one that is short and likely, or none."""

from __future__ import annotations

from dataclasses import dataclass

_CLASSES = {"d": "1", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_POSIX = {
    "alpha": "a", "alnum": "a", "digit": "1", "lower": "a", "upper": "A", "space": " ", "punct": "-", "xdigit": "a",
    "word": "a", "print": "a", "graph": "a", "blank": " ",
}  # fmt: skip
# In the order in which they are tried in a class that says what a letter may not be.
_LETTERS = "a1A-_ .xZ0"
_ENOUGH = 200


class _UnknownSyntax(Exception):  # noqa: N818 - it goes no further than this module
    """Something that is not read here, such as a look-ahead or a back reference."""


def sample(pattern: str) -> str | None:
    """A text that the pattern matches, None where that can't be told.

    https://www.postgresql.org/docs/current/functions-matching.html#POSIX-SYNTAX-DETAILS
    """
    reading = _Reading(pattern)
    try:
        text = reading.alternatives()
    except (_UnknownSyntax, IndexError):
        return None
    return text if reading.place == len(pattern) else None


@dataclass
class _Reading:
    """A pattern, and the place up to which it has been read."""

    pattern: str
    place: int = 0

    @property
    def next(self) -> str:
        return self.pattern[self.place] if self.place < len(self.pattern) else ""

    def take(self) -> str:
        letter = self.pattern[self.place]
        self.place += 1
        return letter

    def alternatives(self) -> str:
        """The first of several that is not empty."""
        found = [self.sequence()]
        while self.next == "|":
            self.take()
            found.append(self.sequence())
        return next(filter(None, found), "")

    def sequence(self) -> str:
        text = ""
        while self.next and self.next not in "|)":
            one = self.atom()
            text += one * self.times()
        return text

    def atom(self) -> str:
        letter = self.take()
        match letter:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "(":
                return self.group()
            case "[":
                return self.letter_of_class()
            case "\\":
                return self.escaped()
            case _:
                return letter

    def group(self) -> str:
        if self.next == "?":
            self.take()
            if self.take() != ":":
                raise _UnknownSyntax
        text = self.alternatives()
        if self.take() != ")":
            raise _UnknownSyntax
        return text

    def escaped(self) -> str:
        letter = self.take()
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in "AZmMyY":
            return ""
        if letter.isalnum():
            raise _UnknownSyntax
        return letter

    def letter_of_class(self) -> str:
        """A letter that a bracket expression means; of ranges one in their middle, where digits and letters are."""
        negated = self.next == "^"
        if negated:
            self.take()
        first, members = True, list[str]()
        while first or self.next != "]":
            first = False
            members += self.member()
        self.take()
        if negated:
            return next(letter for letter in _LETTERS if letter not in members)
        return next((letter for letter in _LETTERS if letter in members), members[0])

    def member(self) -> list[str]:
        letter = self.take()
        if letter == "[" and self.next == ":":
            end = self.pattern.index(":]", self.place)
            name = self.pattern[self.place + 1 : end]
            self.place = end + 2
            return [_POSIX.get(name, "a")]
        if letter == "\\":
            letter = self.escaped()
        if self.next == "-" and self.pattern[self.place + 1] != "]":
            self.take()
            last = self.take()
            return [chr(code) for code in range(ord(letter), min(ord(last), ord(letter) + _ENOUGH) + 1)]
        return [letter]

    def times(self) -> int:
        """How often the atom before is taken: at least once, where it may."""
        match self.next:
            case "*" | "+" | "?":
                self.take()
                times = 1
            case "{":
                end = self.pattern.index("}", self.place)
                low, _, high = self.pattern[self.place + 1 : end].partition(",")
                self.place = end + 1
                times = int(low) if int(low) or high == "0" else 1
            case _:
                return 1
        if self.next == "?":
            self.take()
        return min(times, _ENOUGH)
