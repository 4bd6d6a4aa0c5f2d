"""What a caller may have meant: the nearest known words, and the words of other libraries."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

MAX_LISTED: Final = 12
"""Known words that are listed where none is near."""
MAX_COMPARED: Final = 60
"""Letters of a word above which nothing is near it."""
ALIKE: Final = 0.7
MEANT: Final[dict[str, tuple[str, ...]]] = {
    # what other libraries and people say: what it is called here, the first that the object has
    "act": ("activation",),
    "alpha": ("weight_decay",),
    "beta": ("beta",),
    "bias_decay": ("bias_weight_decay",),
    "biases": ("bias",),
    "center": ("centre",),
    "decay": ("weight_decay", "decay_scale"),
    "depth": ("layers",),
    "dropout": ("noise",),
    "drop_rate": ("rate",),
    "epochs": ("steps",),
    "examples": ("x",),
    "features": ("x", "inputs", "width"),
    "fit_intercept": ("bias",),
    "hidden": ("layers", "hidden_widths", "width"),
    "hidden_layers": ("layers",),
    "hidden_size": ("width",),
    "id": ("id", "name"),
    "inputs": ("x", "inputs"),
    "intercept": ("bias",),
    "iterations": ("steps",),
    "l2": ("weight_decay",),
    "l2_penalty": ("weight_decay",),
    "labels": ("y", "labels"),
    "lambda": ("weight_decay",),
    "learningrate": ("learning_rate", "learning_rates"),
    "loss_function": ("loss",),
    "lr": ("learning_rate", "learning_rates", "step"),
    "max_iter": ("steps",),
    "model": ("network",),
    "n_samples": ("n", "samples"),
    "neurons": ("width",),
    "nonlinearity": ("activation",),
    "normalize": ("standardise",),
    "num_samples": ("n", "samples"),
    "optimizer": ("optimisers", "optimiser"),
    "optimizers": ("optimisers",),
    "output_dim": ("width",),
    "p": ("rate",),
    "probability": ("rate",),
    "random_state": ("seed",),
    "reduction": ("convention",),
    "regularization": ("weight_decay",),
    "returns": ("return",),
    "samples": ("x", "n"),
    "size": ("width",),
    "standardize": ("standardise",),
    "std": ("variance",),
    "target": ("y", "targets"),
    "targets": ("y", "targets"),
    "timeout": ("time_limit_s",),
    "type": ("kind",),
    "units": ("width",),
    "wd": ("weight_decay",),
    "weightdecay": ("weight_decay",),
    "xtx": ("xx",),
    "xty": ("xy",),
}
QUOTED: Final = re.compile(r"'([^']*)'")


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was meant, if one is near enough."""
    if len(word) > MAX_COMPARED:
        return None
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    for meant in MEANT.get(plain, ()):
        if meant in known:
            return meant
    by_letters = {name.lower().replace("_", ""): name for name in known}
    found = get_close_matches(plain.replace("_", ""), list(by_letters), n=1, cutoff=ALIKE)
    return by_letters[found[0]] if found else None


def of_unknown(name: str, known: Sequence[str]) -> str:
    """What to say after "is not a known field"."""
    found = nearest(name, known)
    if found is not None:
        return f"; did you mean `{found}`?"
    listed = ", ".join(sorted(known)[:MAX_LISTED])
    more = " and others" if len(known) > MAX_LISTED else ""
    return f"; known here: {listed}{more}" if known else ""


def of_choice(sent: object, expected: str) -> str:
    """What to say after the words that a field may have, which the library lists in quotation marks."""
    choices = QUOTED.findall(expected)
    if not isinstance(sent, str) or not choices:
        return ""
    found = nearest(sent, choices)
    return f"; did you mean `{found}`?" if found is not None else ""


def kind_of(value: object) -> str:
    """What kind of JSON value was sent."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int | float):
        return "a number"
    return "an array" if isinstance(value, list | tuple) else "an object"
