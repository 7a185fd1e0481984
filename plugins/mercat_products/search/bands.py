"""Price ranges to count by: 1, 2, 5, 10, 20, 50 and so on, in minor units."""

from bisect import bisect_right

_MOST_DIGITS = 15
EDGES = (0, *(step * 10**digits for digits in range(_MOST_DIGITS) for step in (1, 2, 5)))


def band_of(amount: int) -> int:
    """The number of the range that an amount is in."""
    return bisect_right(EDGES, amount) - 1


def bounds_of(band: int) -> tuple[int, int | None]:
    """Where a range begins, and where the next one does."""
    return EDGES[band], EDGES[band + 1] if band + 1 < len(EDGES) else None
