"""Newton's method for a few bracketed roots whose functions are evaluated together.

One evaluation of the curve gives the functions of all roots with their slopes, which a search for one root at a time
cannot use.  The law is that of `service.core.ground.numbers.bracketed`: brackets are made where *computed* values
change their sign, so rounding turns none, and an iterate never leaves its bracket.  The bookkeeping is plain Python: a
survey has some four roots, for which numpy calls would cost more than the arithmetic.
"""

CONVERGED = 1e-9
"""A Newton step this short is the last one: the error after it is of the order of its square."""
MOST_STEPS = 100


class BracketedRoot:
    """A root between two points where the function has opposite signs.

    Parameters
    ----------
    low, high : (t, value, slope)
        The function at both ends.

    Attributes
    ----------
    t : float
        Current estimate; starts at the root of the cubic through both ends.
    rising : bool
        Whether the function goes from negative to positive.
    """

    __slots__ = ("_high", "_low", "rising", "t")

    def __init__(self, low: tuple[float, float, float], high: tuple[float, float, float]) -> None:
        self._low, self._high = low[0], high[0]
        self.rising = high[1] >= 0.0
        self.t = _cubic_root(low, high)

    def step(self, value: float, slope: float) -> float:
        """Move by one Newton step, or to the middle where that leaves the bracket; returns its length."""
        if (value >= 0.0) == self.rising:
            self._high = self.t
        else:
            self._low = self.t
        proposal = self.t - value / slope if slope != 0.0 else self._high + 1.0
        if not self._low <= proposal <= self._high:
            proposal = 0.5 * (self._low + self._high)
        length = abs(proposal - self.t)
        self.t = proposal
        return length


def _cubic_root(low: tuple[float, float, float], high: tuple[float, float, float]) -> float:
    """Root of the cubic with the values and slopes of both ends, by Newton steps from the secant's root."""
    h = high[0] - low[0]
    g1, g2, d1, d2 = low[1], high[1], low[2] * h, high[2] * h
    cubic = 2.0 * (g1 - g2) + d1 + d2
    square = g2 - g1 - d1 - cubic
    x = g1 / (g1 - g2) if g1 != g2 else 0.5
    for _ in range(3):
        slope = d1 + x * (2.0 * square + 3.0 * x * cubic)
        if slope == 0.0:
            break
        x = min(max(x - (g1 + x * (d1 + x * (square + x * cubic))) / slope, 0.0), 1.0)
    return low[0] + x * h
