"""Parts of a certified ReLU minimum between the chunks that compute it."""

from pydantic import Field

from service.schemas.arrays import Numbers, Rows
from service.schemas.base import Number, Wire


class ReluState(Wire):
    """The best network and the best bound so far, in the form where only products of weights count."""

    w: Rows = Field(description="Units, one a row.")
    signs: Numbers = Field(description="Sign of each unit.")
    free: Numbers = Field(description="Coefficients of what is no unit.")
    errors: Numbers = Field(description="Errors of the network, one a sample.")
    known: Rows = Field(description="Directions from which local searches start, one a row.")
    value: Number = Field(description="Objective of the network.")
    bound: Number = Field(description="Lower bound on the objective of every network.")
    gap: Number = Field(description="Relative gap between the two.")
    dual: Numbers = Field(description="Dual errors that prove the bound.")
    feature_bound: Number = Field(description="Bound on their correlation with a unit.")
    slack: Number = Field(description="How far above beta the last search left cones open.")
    critical: Number | None = Field(description="Beta from which no unit is worth its decay; null where not proved.")
    direction: Numbers = Field(description="A missing unit of the network; empty where none is known.")
    sign: Number = Field(description="Its sign.")
    correlation: Number = Field(description="Its correlation with the errors.")
    cones: int = Field(description="Cones that were bounded.")
    searches: int = Field(description="Searches for missing units.")
    trained: int = Field(description="How far the first training has come: 0 not begun, 1 broken off, 2 ended.")
    loss: Number = Field(description="Loss of the best network, in the convention of the request.")
    lower_bound: Number = Field(description="Lower bound on the loss of every network, in that convention.")
    relaxed: bool = Field(description="Whether bounds without cones were tried.")
    done: bool = Field(description="Whether nothing is left to do.")


class ReluCones(Wire):
    """What the search of one part of the space has found, and what it has left open."""

    train: int = Field(description="Place of the chunk whose network was searched.")
    side: int = Field(description="0 for the errors, 1 for their negative.")
    slack: Number = Field(description="How far above beta cones are left open.")
    closed: Number = Field(description="Largest bound of the cones that are closed, those of earlier parts included.")
    value: Number = Field(description="Largest correlation found.")
    directions: Rows = Field(description="Units that are missing, one a row.")
    values: Numbers = Field(description="Their correlations.")
    vertices: Rows = Field(description="Generators of the open cones, one a row.")
    corners: Rows = Field(description="Of each open cone the rows of its generators.")
    open_bound: Number = Field(description="Largest bound of the open cones; 0 where none is open.")
    cones: int = Field(description="Cones that were bounded by this part.")
    cones_before: int = Field(description="Cones that were bounded before.")
    places: int = Field(description="Parts that were searched side by side with this one.")


class BoundedReluState(Wire):
    """The best network and the best bound so far of a network that is only bounded."""

    parameters: Numbers = Field(description="All weights, then all biases.")
    value: Number = Field(description="Objective of the network.")
    rule: str = Field(description="Why the bound holds.")
    bound: Number = Field(description="Lower bound on the objective of every network.")
    dual: Rows = Field(description="Errors that prove the bound, one row a sample.")
    feature_bound: Number = Field(description="Bound that the rule compares them with.")
    missing: Rows = Field(description="Units that the network lacks, one a row.")
    cones: int = Field(description="Cones that were bounded.")
    searches: int = Field(description="Searches for missing units.")
    gap: Number = Field(description="Relative gap between network and bound.")
    loss: Number = Field(description="Loss of the network, in the convention of the request.")
    lower_bound: Number = Field(description="Lower bound on the loss of every network, in that convention.")
    critical: Number | None = Field(description="Beta from which no unit is worth its decay; null where not proved.")
    stage: str = Field(description="What was done last: `outset`, `start`, `proof` or `improved`.")


class ReluKnot(Wire):
    """The best network and the best bound at one decay of a path."""

    knot: Number = Field(description="Beta at which they were searched for.")
    w: Rows = Field(description="Units, one a row.")
    signs: Numbers = Field(description="Sign of each unit.")
    free: Numbers = Field(description="Coefficients of what is no unit.")
    dual: Numbers = Field(description="Dual errors that prove the bound.")
    feature_bound: Number = Field(description="Bound on their correlation with a unit.")
    loss: Number = Field(description="Loss of the network at this decay, in the convention of the request.")
    lower_bound: Number = Field(description="Lower bound on the loss of every network at this decay.")


class SweptKnots(Wire):
    """Certified minima at some decays, in the core's convention; one entry each."""

    place: Numbers = Field(description="Place on the axis, ascending.")
    fit: Numbers = Field(description="Data term of the network.")
    constant: Numbers = Field(description="Its loss, rounding included, without what the decay that varies adds.")
    slope: Numbers = Field(description="What its loss rises by with that decay.")
    bound: Numbers = Field(description="Lower bound on the loss of all networks.")
    units: Numbers = Field(description="Number of its units.")
    errors: Rows = Field(description="Dual errors that prove the bound, one row each.")
    feature_bound: Numbers = Field(description="Bound on their correlation with a unit.")


class SweptPoints(Wire):
    """Columns of some points of a sweep, in the core's convention."""

    loss: Numbers = Field(description="Loss of the best network known.")
    lower_bound: Numbers = Field(description="Lower bound on the loss of all networks.")
    fit: Numbers = Field(description="Data term of that network.")
    decay: Numbers = Field(description="What decay adds.")
    trivial: Numbers = Field(description="1 where it has no units.")
    attained: Numbers = Field(description="1 where the network that was asked for is wide enough.")
    units: Numbers = Field(description="Number of its units.")
