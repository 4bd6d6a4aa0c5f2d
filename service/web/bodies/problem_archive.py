"""A test problem as ``.npz``, which any analysis takes as it is; free of any framework."""

import numpy as np
import orjson

from service.schemas.generated import GeneratedProblem
from service.web.bodies.npz import REQUEST, write_npz


def problem_archive(answer: GeneratedProblem) -> bytes:
    """The problem as the text ``request`` with its samples as arrays, and all that is known as the text ``answer``.

    Notes
    -----
    Where the archive is sent to an analysis, ``answer`` is left aside.
    """
    document = answer.model_dump(mode="json", exclude_unset=True, by_alias=True)
    request = document.pop("problem")
    arrays = {f"data.{name}": np.array(request["data"].pop(name)) for name in ("x", "y")}
    return write_npz({REQUEST: np.array(orjson.dumps(request).decode()), **arrays}, orjson.dumps(document))
