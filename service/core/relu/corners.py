"""Simplicial cones written with the generators that they share: a bisection leaves most of them as they were.

A search hands some thousand open cones from one worker to the next. Written out, each has r x r numbers; neighbours
have most generators in common, so that a table of generators and r places for each cone is some twenty times shorter.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from service.core.ground.numbers.arrays import FloatArray

_SEED: Final = 0


@dataclass(frozen=True)
class SharedCones:
    """Cones that share generators.

    Attributes
    ----------
    vertices : (v, r) array
        Generators, one a row, equal to what they were.
    corners : (b, r) array of uint16 or int32
        Of each cone the rows of its generators, in their order.
    """

    vertices: FloatArray
    corners: npt.NDArray[np.integer]

    @classmethod
    def of(cls, generators: FloatArray) -> "SharedCones":
        """Cones (b, r, r), whose columns are generators.

        Generators are compared by one number each, their product with a random direction; those that differ all the
        same, by rounding, get rows of their own. O(b r log(b r)).
        """
        rank = generators.shape[-1]
        rows = np.ascontiguousarray(generators.transpose(0, 2, 1)).reshape(-1, rank)
        keys = rows @ np.random.default_rng(_SEED).standard_normal(rank)
        first, places = np.unique(keys, return_index=True, return_inverse=True)[1:]
        vertices = rows[first]
        others = np.flatnonzero((vertices[places] != rows).any(axis=1))
        places[others] = len(vertices) + np.arange(len(others))
        vertices = np.concatenate([vertices, rows[others]])
        corners: npt.NDArray[np.integer] = places.reshape(-1, rank)
        return cls(vertices, corners.astype(np.uint16 if len(vertices) <= np.iinfo(np.uint16).max else np.int32))

    def __len__(self) -> int:
        """Number of cones."""
        return len(self.corners)

    def part(self, number: int, of: int) -> "SharedCones":
        """One of some parts of nearly equal length, with the generators of all."""
        return SharedCones(self.vertices, self.corners[number * len(self) // of : (number + 1) * len(self) // of])

    @property
    def generators(self) -> FloatArray:
        """The cones written out, (b, r, r)."""
        return np.asarray(self.vertices[self.corners].transpose(0, 2, 1))
