"""A problem whose search takes a second of a core or more."""

from typing import Any, Final

import numpy as np

HIDDEN: Final = {"width": 20, "weight_decay": 0.05, "noise": {"kind": "dropout", "rate": 0.3}}
LONG: Final[dict[str, Any]] = {
    "network": {"layers": [HIDDEN, HIDDEN, {"width": 10, "weight_decay": 0.05}]},
    "data": {
        "kind": "moments",
        "xx": np.diag(np.linspace(1.0, 2.0, 20)).tolist(),
        "xy": np.eye(20, 10).tolist(),
        "yy": 12.0,
    },
}
