"""The factor of a table that arrives block by block, with the factors of folds of its rows."""

from service.core.ground.data.fold_turns import FoldsInTurn
from service.core.ground.data.scatter import Scatter
from service.core.ground.numbers.arrays import FloatArray


class FoldedScatter(Scatter):
    """A `Scatter` of all rows that also adds each row to the scatter of its fold.

    Parameters
    ----------
    columns : int
    folds : int

    Attributes
    ----------
    folds : tuple of Scatter
        One for each fold, of the same columns.
    """

    def __init__(self, columns: int, folds: int) -> None:
        super().__init__(columns)
        self.folds = tuple(Scatter(columns) for _ in range(folds))
        self._turns = FoldsInTurn(folds, 0)

    def add(self, rows: FloatArray) -> bool:
        """Add rows (m, c), m >= 1, to all and to their folds; whether every entry is finite."""
        if not super().add(rows):
            return False
        assigned = self._turns.next(len(rows))
        for index, scatter in enumerate(self.folds):
            own = rows[assigned == index]
            if len(own):
                scatter.add(own)
        return True

    def widen(self, columns: int) -> None:
        """Make room for ``columns`` in all; the new ones were zero in every row so far."""
        super().widen(columns)
        for scatter in self.folds:
            scatter.widen(columns)
