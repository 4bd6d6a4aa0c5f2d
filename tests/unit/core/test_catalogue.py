"""What the catalogue says of models whose problems are those of networks."""

import pytest

from service.core.catalogue import theorems_of_model
from service.core.ground.problems import Layer, Network
from service.core.models.unconstrained_features import feature_problem
from service.vocabulary import Bias, Model


def head(outputs: int, decay: float, bias: Bias = Bias.NONE) -> Network:
    layers = (Layer(3, weight_decay=decay), Layer(outputs, weight_decay=0.1))
    return Network(layers, bias=bias, bias_weight_decays=() if bias is Bias.NONE else (0.0, 0.0))


@pytest.mark.parametrize(
    ("counts", "decay", "cited"),
    [
        ([5, 3, 2], 0.1, ("unconstrained-features",)),
        ([4, 4], 0.1, ("unconstrained-features",)),
        ([7], 0.1, ("unconstrained-features",)),
        # a layer without decay: nothing collapses
        ([5, 3, 2], 0.0, ()),
    ],
)
def test_collapse_is_cited_where_its_hypotheses_hold(counts: list[int], decay: float, cited: tuple[str, ...]) -> None:
    problem = feature_problem(counts, 4, 0.05, 0.0, head(len(counts), decay))
    assert theorems_of_model(Model.UNCONSTRAINED_FEATURES, problem) == cited
    assert theorems_of_model(Model.FEEDFORWARD, problem) == ()
