"""What parts of the benchmark share: the memory of a process, and two ways held against each other."""

from __future__ import annotations

import resource
import statistics


def peak() -> float:
    """The most memory that this process ever had, in MB: with rows read it would grow with their number."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def is_within(title: str, seconds: dict[str, list[float]], limit: float, grown: float, memory_limit: float) -> bool:
    """Print the medians of two ways, ours the second, without the first run of each; whether ours is within the limits.

    ``limit`` is that of the ratio round by round: what slows the machine down slows both. Memory is in MB.
    """
    theirs, mine = (measured[1:] for measured in seconds.values())
    ratio = statistics.median(ours / other for ours, other in zip(mine, theirs, strict=True))
    print(f"{title}; median of {len(mine)} runs in turn")
    for way, measured in seconds.items():
        print(f"  {way:<16} {statistics.median(measured[1:]):6.2f} s")
    print(f"  ratio            {ratio:6.3f}   (limit {limit:.2f})")
    print(f"  client's memory  {grown:+6.1f} MB (limit {memory_limit} MB)")
    return ratio <= limit and grown <= memory_limit
