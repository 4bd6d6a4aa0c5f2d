"""What the answer about a ReLU network says, in sentences."""

from service.operations.summaries.words import count_of, figure
from service.schemas.relu import ReluMinimaAnswer


def summary_of_relu(answer: ReluMinimaAnswer, width: int) -> list[str]:
    """Three to five sentences.

    Parameters
    ----------
    answer : ReluMinimaAnswer
        Whose numbers they repeat.
    width : int
        Of the hidden layer that was asked for.
    """
    terms = answer.global_minimum.terms
    return [
        _loss(answer),
        _units(answer, width),
        f"Of the loss, {figure(terms.fit)} is misfit and {figure(terms.decay)} decay.",
        *_critical(answer),
        *_missing(answer),
    ]


def _loss(answer: ReluMinimaAnswer) -> str:
    loss, lower = f"{answer.global_minimum.loss:.9g}", f"{answer.certificate.lower_bound:.9g}"
    if answer.certificate.kind == "certified":
        return f"The global minimum has loss {loss}; it is proved that no network of any width goes below {lower}."
    return f"The best network found has loss {loss}; it is proved that no network of any width goes below {lower}."


def _units(answer: ReluMinimaAnswer, width: int) -> str:
    minimum = answer.global_minimum
    if minimum.trivial:
        return "Decay has switched every unit off."
    needed = count_of(minimum.width_needed, "unit")
    if minimum.attained:
        return f"It needs {needed} at most."
    return f"This network has {needed}, more than the width {width} that was asked for; the bound holds for that, too."


def _critical(answer: ReluMinimaAnswer) -> list[str]:
    if answer.critical_decay is None:
        return []
    return [f"From a common decay of {figure(answer.critical_decay)} on, no unit is worth what it costs."]


def _missing(answer: ReluMinimaAnswer) -> list[str]:
    if answer.certificate.kind == "certified":
        return []
    if answer.missing_unit is not None:
        return ["A unit is missing whose insertion would lower the loss; more `effort` goes on from there."]
    return ["Whether a better network exists is open; more `effort` narrows the gap."]


_WHY = {
    "outputs": "The bound holds for networks of any width: it limits what a unit can add to all outputs together.",
    "layers": "The bound holds for networks of this depth and any width; it is a floor, often far below the minimum.",
    "inconsistent": "The bound is what equal inputs with different targets cost every function of the inputs.",
}


def summary_of_bounded(answer: ReluMinimaAnswer, rule: str) -> list[str]:
    """Three to four sentences; ``rule`` is the word of the proof."""
    terms = answer.global_minimum.terms
    loss, lower = f"{answer.global_minimum.loss:.9g}", f"{answer.certificate.lower_bound:.9g}"
    best = "The global minimum" if answer.certificate.kind == "certified" else "The best network found"
    return [
        f"{best} has loss {loss}; it is proved that no such network goes below {lower}.",
        _WHY[rule],
        f"Of the loss, {figure(terms.fit)} is misfit and {figure(terms.decay)} decay.",
        *_critical(answer),
    ]
