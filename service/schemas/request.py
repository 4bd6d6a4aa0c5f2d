"""The request for minima: a problem and what the caller wants to get back."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from service.schemas.base import TimeLimit, Wire
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument

DESCRIPTION: Final = """Return the exact global minimum with stationary points, thresholds and a certificate.

The body is a problem, or `{"problem": ..., "return": ..., ...}`. Losses come back in the caller's convention."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "a network under moments": DESIGN_EXAMPLE,
    "a bundled data set, with weights": {
        "problem": {
            "network": {
                "layers": [
                    {"width": 32, "weight_decay": 0.01, "noise": {"kind": "dropout", "rate": 0.5}},
                    {"width": 1, "weight_decay": 0.01},
                ]
            },
            "data": {"kind": "example", "name": "diabetes"},
            "objective": {"convention": "half_mean"},
        },
        "return": {"weights": "factors"},
    },
    "free features: neural collapse, the smallest class is not learned": {
        "network": {
            "model": "unconstrained_features",
            "class_counts": [500, 300, 4],
            "feature_weight_decay": 1e-5,
            "layers": [{"width": 6, "weight_decay": 1e-3}, {"width": 3, "weight_decay": 1e-3}],
        },
        "data": {"kind": "none", "inputs": 8},
    },
    "a frozen first layer, a decayed skip and weights of the outputs": {
        "problem": {
            "network": {
                "layers": [
                    {"width": 2, "frozen_weights": [[1.0, 0.5], [0.0, 1.0]]},
                    {"width": 2},
                    {"width": 2},
                ],
                "skips": [{"from": 1, "to": 2, "kind": "trainable", "weight_decay": 0.1}],
                "bias": "output",
            },
            "data": {
                "kind": "samples",
                "x": [[1.0, 0.5], [-0.5, 1.0], [0.25, -1.5], [-1.0, 0.0], [0.5, 0.75]],
                "y": [[1.0, -0.5], [0.0, 1.0], [0.5, -1.0], [-1.5, 0.25], [1.0, 0.5]],
            },
            "objective": {"loss": "weighted_squared", "weights": [4.0, 1.0]},
        },
        "return": {"weights": "full"},
    },
    "a linear variational autoencoder: which latents collapse": {
        "network": {
            "model": "linear_vae",
            "latent": 2,
            "beta": 1.5,
            "decoder_variance": 0.4,
            "layers": [{"width": 3}],
        },
        "data": {
            "kind": "moments",
            "xx": [[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.25]],
            "xy": [[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.25]],
            "yy": 3.25,
        },
    },
}


Part: TypeAlias = Literal["flatness", "hessian", "layer_norms", "learning_coefficient", "subnetworks"]


class ReturnOptions(Wire):
    """How much of the solution is sent back."""

    weights: Literal["none", "factors", "full"] = Field(
        default="none", description="Weights as low-rank factors, which stay small at any width, or as full matrices."
    )
    map: bool = Field(
        default=True,
        description="Send the end-to-end map, which has outputs x inputs numbers; its singular values come anyway.",
    )
    problem: bool = Field(
        default=False, description="Repeat the problem, so that the answer can be verified by itself."
    )


class MinimaOptions(Wire):
    """What stands beside a problem and does not change it."""

    return_: ReturnOptions = Field(
        default=ReturnOptions(), alias="return", description="Which parts of the solution are sent back."
    )
    include: list[Part] = Field(
        default=[],
        max_length=10,
        description="Parts that are absent by default: how flat a global minimum can be, which limits the step of "
        "gradient descent; the learning coefficient; the sign of the Hessian at the minimum among the checks "
        "(up to 400 parameters), the norms of the layers, the stationary points of narrower networks inside one "
        "with noise.",
    )
    time_limit_s: TimeLimit = None


class MinimaRequest(MinimaOptions):
    """A problem, wrapped, with options beside it."""

    ends_early: ClassVar[bool] = True

    problem: ProblemDocument = Field(description="The problem that is asked about.")


class BareMinimaRequest(MinimaOptions, ProblemDocument):
    """A problem as it is, with options as further fields; read as the wrapped form."""
