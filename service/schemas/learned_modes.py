"""When a gradient flow learns each singular direction, on the wire."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire


class LearnedMode(Wire):
    """A singular direction of `E[y x^T]` and when gradient flow learns it; nothing is integrated for that."""

    index: int = Field(description="From the strongest correlation, counted from 0.")
    target: Number = Field(description="Of the least-squares map along the direction.")
    start: Number = Field(description="Of the map at the start, as far as it grows.")
    limit: Number | None = Field(
        description="What the flow tends to from this start; null with a reason where it is not known."
    )
    half_time: Number | None = Field(
        description="Time at which half of the limit is reached, in that of the objective as it was posed; null with a "
        "reason where the direction dies out, the start is beyond it, or it is not known."
    )
    plateau: Number | None = Field(
        description="Time at which a tenth of the limit is reached and the plateau before it ends; null as `half_time`."
    )
    half_steps: Number | None = Field(
        description="`half_time` in steps of gradient descent with `learning_rate`; null with a reason where none was "
        "sent, or where it is too large for steps to follow the flow."
    )
    plateau_steps: Number | None = Field(description="`plateau` in such steps; null as `half_steps`.")
    evidence: Literal["exact", "approximate"] = Field(
        description="`exact` where the direction has an equation of its own: inputs that are uncorrelated along the "
        "directions and, with hidden layers, a start that is aligned and balanced. Else `approximate`."
    )
    coupling: Number = Field(
        description="Largest correlation of the inputs along this direction with those along another; 0 for white ones."
    )
    reasons: Reasons
