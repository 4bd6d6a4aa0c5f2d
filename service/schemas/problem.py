"""The problem: one description for every analysis."""

from typing import Any, Final

from pydantic import ConfigDict, Field

from service.schemas.base import Wire, example
from service.schemas.data import Data
from service.schemas.network import Network
from service.schemas.objective import Objective

DESIGN_EXAMPLE: Final[dict[str, Any]] = {
    "network": {
        "layers": [
            {"width": 8, "weight_decay": 0.2, "noise": {"kind": "dropout", "rate": 0.2}},
            {"width": 8, "weight_decay": 0.2},
            {"width": 1, "weight_decay": 0.2},
        ]
    },
    "data": {"kind": "moments", "xx": [[1.0]], "xy": [[0.9]], "yy": 1.0},
}


class ProblemDocument(Wire):
    """A network on data under an objective; only the widths and the data are required."""

    model_config = ConfigDict(**example(DESIGN_EXAMPLE))

    network: Network = Field(description="The network, layer by layer.")
    data: Data = Field(description="Samples, moments or a factor, data that the service has by name or id, or none.")
    objective: Objective = Field(
        default=Objective(), description="What is minimised; left out: mean squared error without further terms."
    )
