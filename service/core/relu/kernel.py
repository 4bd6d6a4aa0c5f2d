"""The compiled form of the bounds on cones, where it was built with the package.

`service.core.relu.cones` has the same steps in numpy: it serves where there was no compiler, and is what the tests
hold the compiled form against.
"""

import ctypes
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from numpy.ctypeslib import ndpointer

from service.core.ground.numbers.arrays import FloatArray

_INPUT: Final = ndpointer(np.float64, flags="C_CONTIGUOUS")
_OUTPUT: Final = ndpointer(np.float64, flags=("C_CONTIGUOUS", "WRITEABLE"))


class CompiledBounds:
    """Functions of a library that was compiled from ``cone_kernel.c``.

    Parameters
    ----------
    library : CDLL
        It holds no lock of the interpreter while it works.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self.most_rank = int(library.most_rank())
        self._bound = library.bound_cones
        self._bound.restype = None
        self._bound.argtypes = [*[ctypes.c_int] * 3, *[_INPUT] * 6, ctypes.c_double, *[_OUTPUT] * 5]
        self._losses = library.edge_losses
        self._losses.restype = None
        self._losses.argtypes = [*[ctypes.c_int] * 3, *[_INPUT] * 3, *[_OUTPUT] * 2]

    def bounded(
        self,
        rows: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
        across: FloatArray,
        inverse: FloatArray,
        target: float,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Bounds (b,), directions (b, r), correlations (b,) and coordinates (b, r) of cones.

        Parameters
        ----------
        rows : ((n, r), (n,), (n,), (r,)) arrays
            Inputs, what multiplies their positive products by its sign, and the linear part.
        across, inverse : (b, r, r) array
            Generators, one a row, and inverses of their transposes.
        target : float
        """
        x, plus, minus, linear = rows
        batch, rank = across.shape[:2]
        bounds, values = np.empty(batch), np.empty(batch)
        directions, coordinates = np.empty((batch, rank)), np.empty((batch, rank))
        arrays = [np.ascontiguousarray(array) for array in (x.T, plus, minus, linear, across, inverse)]
        room = np.empty(2 * len(x))
        self._bound(batch, rank, len(x), *arrays, target, room, bounds, directions, values, coordinates)
        return bounds, directions, values, coordinates

    def edge_losses(self, x: FloatArray, plus: FloatArray, across: FloatArray) -> FloatArray:
        """What interpolation of the positive part loses on each edge (b, r (r - 1) / 2) of cones (b, r, r)."""
        batch, rank = across.shape[:2]
        losses = np.empty((batch, rank * (rank - 1) // 2))
        arrays = [np.ascontiguousarray(array) for array in (x.T, plus, across)]
        self._losses(batch, rank, len(x), *arrays, np.empty(rank * len(x)), losses)
        return losses


def load(library: Path, source: Path) -> CompiledBounds | None:
    """The kernel of a library; None if there is none that was compiled from this source."""
    if not library.exists():
        return None
    try:
        found = ctypes.CDLL(str(library))
        found.source.restype = ctypes.c_char_p
        compiled_from = found.source()
    except (OSError, AttributeError):
        # built for another machine, or something else of that name
        return None
    return CompiledBounds(found) if compiled_from == sha256(source.read_bytes()).hexdigest().encode() else None


KERNEL: Final = load(Path(__file__).with_name("libcone_kernel.so"), Path(__file__).with_name("cone_kernel.c"))
