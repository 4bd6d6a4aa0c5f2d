"""The identity of a problem: equal problems have equal hashes, however they were written."""

import hashlib
from typing import Any, Final

import orjson

from service.operations.mapping.convolutions import OF_CONVOLUTIONS
from service.operations.mapping.examples import BY_NAME
from service.schemas.data import Example
from service.schemas.problem import ProblemDocument
from service.vocabulary import Convention, Model

OF_OTHER_LAYERS: Final = frozenset({"kind", *OF_CONVOLUTIONS})
OF_LOSS: Final = ("delta", "tau")
MODEL_FIELDS: Final = ("class_counts", "feature_weight_decay", "latent", "beta", "decoder_variance")


def canonical(problem: ProblemDocument) -> dict[str, Any]:
    """The problem with its defaults filled in; numbers are double precision, so that 1 and 1.0 are equal."""
    document = problem.model_dump(exclude={"data"})
    # arrays are taken as they are: copying millions of numbers would cost more than hashing them
    document["data"] = dict(problem.data)
    if document["data"].get("evaluation") is not None:
        document["data"]["evaluation"] = dict(document["data"]["evaluation"])
    if not document["data"].get("standardise", True):
        # what is not prepared is the same problem as before anything was
        document["data"].pop("standardise")
    objective = document["objective"]
    # what other losses do not have: the same problem as before there were such
    document["objective"] = {name: objective[name] for name in objective if name not in OF_LOSS or objective[name]}
    network = document["network"]
    network["layers"] = [_without_defaults(layer) for layer in network["layers"]]
    if problem.network.model is Model.FEEDFORWARD:
        # a network on data is the same problem as before there were other models
        for name in ("model", *MODEL_FIELDS):
            network.pop(name)
    for skip in network["skips"]:
        if not skip["weight_decay"]:
            skip.pop("weight_decay")
    if network["bias_weight_decay"] is None and problem.objective.convention is not Convention.TORCH:
        network["bias_weight_decay"] = 0.0
    if isinstance(problem.data, Example) and problem.data.task is None and problem.data.name in BY_NAME:
        document["data"]["task"] = BY_NAME[problem.data.name].task
    return document


def _without_defaults(layer: dict[str, Any]) -> dict[str, Any]:
    """A dense layer as it was before there were others."""
    if layer["kind"] != "dense":
        return layer
    return {name: value for name, value in layer.items() if name not in OF_OTHER_LAYERS}


def problem_hash(problem: ProblemDocument) -> str:
    """``sha256:`` and the digest of the canonical JSON, keys sorted, without spaces."""
    text = orjson.dumps(canonical(problem), option=orjson.OPT_SORT_KEYS)
    return "sha256:" + hashlib.sha256(text).hexdigest()
