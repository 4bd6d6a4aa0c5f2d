"""An objective travels with a plan and comes back as it was: no field is forgotten."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from service.core.convex_losses.table import LOSSES
from service.core.relu.networks import Objective
from service.operations.mapping.relu_objective import from_arguments, to_arguments
from service.vocabulary import Loss


@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_field_comes_back(loss: Loss) -> None:
    parameter = {Loss.HUBER: 0.7, Loss.QUANTILE: 0.3}.get(loss)
    y = np.array([1.0, -1.0, 1.0]) if loss is not Loss.POISSON else np.array([1.0, 0.0, 2.0])
    given = LOSSES[loss](y, parameter)
    # numbers that no field has by default, all different
    odd: dict[str, Any] = {field.name: 0.25 + 0.125 * place for place, field in enumerate(fields(Objective))}
    odd |= {"x": np.arange(6.0).reshape(3, 2), "free": np.ones((3, 1)), "loss": given}
    objective = Objective(**odd)
    back = from_arguments(*to_arguments(objective, loss, parameter))
    for field in fields(Objective):
        before, after = getattr(objective, field.name), getattr(back, field.name)
        if field.name == "loss":
            assert type(before) is type(after)
            for part in fields(before):
                assert np.array_equal(getattr(before, part.name), getattr(after, part.name)), part.name
        else:
            assert np.array_equal(before, after), field.name
