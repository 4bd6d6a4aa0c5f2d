"""Twenty mistakes that people make in their first minutes: what they send, the word that repairs it, and the repair."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tests.serving import Reply, call
from tests.support.upload_files import as_parquet, as_xlsx

JSON: Final = "application/json"
RNG: Final = np.random.default_rng(3)
X: Final = np.round(RNG.normal(size=(12, 3)), 3)
Y: Final = np.round(X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=12), 3)
LAYERS: Final = [{"width": 4, "weight_decay": 0.01}, {"width": 1, "weight_decay": 0.01}]
DATA: Final = {"kind": "samples", "x": X.tolist(), "y": Y.tolist()}
HEADER: Final = "age,income,price,effect"
FIRST: Final = np.round(RNG.normal(size=(4, 3)), 3)
LAST: Final = np.round(RNG.normal(size=(1, 4)), 3)


@dataclass(frozen=True)
class Sent:
    """A request.

    Attributes
    ----------
    path : str
    body : bytes
    kind : str
        Content type.
    """

    path: str
    body: bytes
    kind: str = JSON

    def answered(self, base: str) -> Reply:
        """What the service says."""
        return call(base, "POST", self.path, self.body, {"content-type": self.kind})


@dataclass(frozen=True)
class Mistake:
    """A mistake and its repair.

    Attributes
    ----------
    name : str
    shown : str
        What was sent, as far as it matters.
    sent : Sent
    word : str
        Of the message: what repairs it.
    repaired : Sent
    shown_repaired : str
    """

    name: str
    shown: str
    sent: Sent
    word: str
    repaired: Sent
    shown_repaired: str


def words_of(reply: Reply) -> str:
    """All that a refusal says: its sentence, and what is covered instead."""
    told = reply.json
    return f"{told['detail']}{_nearest(told)}"


def _nearest(told: dict[str, Any]) -> str:
    return f"; nearest: {json.dumps(told['nearest'])}" if "nearest" in told else ""


def _problem(**changes: Any) -> dict[str, Any]:
    return {"network": {"layers": LAYERS}, "data": DATA, **changes}


def _posted(path: str, body: Any) -> Sent:
    return Sent(path, json.dumps(body).encode())


def _field(
    name: str, wrong: Any, word: str, right: Any, shown: str, shown_right: str, path: str = "/v1/minima"
) -> Mistake:
    """A mistake in JSON."""
    return Mistake(name, shown, _posted(path, wrong), word, _posted(path, right), shown_right)


def _file(name: str, wrong: Sent, word: str, right: Sent, shown: str, shown_right: str) -> Mistake:
    return Mistake(name, shown, wrong, word, right, shown_right)


def _csv(delimiter: str = ",", header: str = HEADER, cell: Callable[[float], str] = repr, query: str = "") -> Sent:
    rows = [delimiter.join(map(cell, row)) for row in np.column_stack([X, Y]).tolist()]
    return Sent("/v1/datasets" + query, "\n".join([header.replace(",", delimiter), *rows, ""]).encode(), "text/csv")


def _layer(**changes: Any) -> dict[str, Any]:
    return _problem(network={"layers": [{**LAYERS[0], **changes}, LAYERS[1]]})


def _renamed(old: str, new: str) -> dict[str, Any]:
    layers = [{new if name == old else name: value for name, value in layer.items()} for layer in LAYERS]
    return _problem(network={"layers": layers})


def _fields() -> list[Mistake]:
    """Words and values of a request."""
    good = _problem()
    return [
        _field("a name of Keras", _renamed("width", "units"), "`width`", good, '`"units": 4`', '`"width": 4`'),
        _field(
            "a name without its underscore",
            _renamed("weight_decay", "weightdecay"),
            "`weight_decay`",
            good,
            '`"weightdecay": 0.01`',
            '`"weight_decay": 0.01`',
        ),
        _field(
            "a typo in a value",
            _layer(activation="linaer"),
            "`linear`",
            _layer(activation="linear"),
            '`"activation": "linaer"`',
            '`"activation": "linear"`',
        ),
        _field(
            "a name of PyTorch",
            _layer(dropout=0.2),
            "`noise`",
            _layer(noise={"kind": "dropout", "rate": 0.2}),
            '`"dropout": 0.2`',
            '`"noise": {"kind": "dropout", "rate": 0.2}`',
        ),
        _field(
            "American spelling",
            _problem(data={**DATA, "standardize": True}),
            "`standardise`",
            _problem(data={**DATA, "standardise": True}),
            '`"standardize": true`',
            '`"standardise": true`',
        ),
        _field(
            "targets under the name of scikit-learn",
            _problem(data={"kind": "samples", "x": X.tolist(), "targets": Y.tolist()}),
            "`y`",
            good,
            '`"targets": [..]`',
            '`"y": [..]`',
        ),
        _field("a number as a text", _layer(width="4"), "must be an integer", good, '`"width": "4"`', '`"width": 4`'),
        _field(
            "one sample too few in y",
            _problem(data={**DATA, "y": Y[:-1].tolist()}),
            "12",
            good,
            "12 rows of x, 11 of y",
            "12 of each",
        ),
        _field(
            "a network whose end does not fit the targets",
            _problem(network={"layers": [LAYERS[0], {"width": 2}]}),
            "width",
            good,
            '`"width": 2` for one target',
            '`"width": 1`',
        ),
        _field(
            "a transposed weight",
            _problem(weights=[FIRST.T.tolist(), LAST.tolist()]),
            "transpose",
            _problem(weights=[FIRST.tolist(), LAST.tolist()]),
            "`weights[0]` of 3 x 4",
            "4 x 3",
            "/v1/diagnose",
        ),
        _field(
            "a network that no theorem covers",
            _layer(activation="tanh"),
            "/network/layers/0/activation",
            good,
            '`"activation": "tanh"`',
            "the patch of `nearest`",
        ),
        Mistake(
            "NaN in JSON",
            "`NaN` among the inputs, as `json.dumps` of Python writes it",
            Sent(
                "/v1/minima", json.dumps(_problem(data={**DATA, "x": [[float("nan"), 0, 0], *X[1:].tolist()]})).encode()
            ),
            "leave such samples out",
            _posted("/v1/minima", _problem(data={"kind": "samples", "x": X[1:].tolist(), "y": Y[1:].tolist()})),
            "without that row",
        ),
        Mistake(
            "the content type of a form, which curl sends by itself",
            "`curl -d @problem.json` without a header",
            Sent("/v1/minima", json.dumps(good).encode(), "application/x-www-form-urlencoded"),
            "content-type: application/json",
            _posted("/v1/minima", good),
            "`-H 'content-type: application/json'`",
        ),
    ]


def _tables() -> list[Mistake]:
    """Files and their options."""
    typo = _csv().body.replace(b"\n", b"\n", 1).split(b"\n")
    wrong = b"\n".join([*typo[:5], b"12o,1,2,3", *typo[5:]])
    mended = b"\n".join([*typo[:5], b"120,1,2,3", *typo[5:]])
    names = [f"person {row}" for row in range(12)]
    rows = [f"{a},{name},{b}" for a, name, b in zip(X[:, 0], names, Y, strict=True)]
    texts = "\n".join(["age,name,effect", *rows, ""]).encode()
    few = "\n".join([HEADER, *(f"{row[0]},,{row[2]},{y}" for row, y in zip(X.tolist(), Y, strict=True)), ""]).encode()
    parquet = as_parquet(np.column_stack([X, Y]))
    parquet_kind = "application/vnd.apache.parquet"
    return [
        _file(
            "a delimiter that the file does not have",
            _csv(";", query="?delimiter=comma"),
            "`semicolon`",
            _csv(";", query="?delimiter=semicolon"),
            "`delimiter=comma` for a file with semicolons",
            "`delimiter=semicolon`",
        ),
        _file(
            "a typo in an option",
            _csv(query="?standardize=true"),
            "`standardise`",
            _csv(query="?standardise=true"),
            "`?standardize=true`",
            "`?standardise=true`",
        ),
        _file(
            "a target that is no column",
            _csv(query="?targets=efect"),
            "`effect`",
            _csv(query="?targets=effect"),
            "`?targets=efect`",
            "`?targets=effect`",
        ),
        _file(
            "a letter in a number",
            Sent("/v1/datasets", wrong, "text/csv"),
            "line 6",
            Sent("/v1/datasets", mended, "text/csv"),
            "`12o`",
            "`120`",
        ),
        _file(
            "names of people among the inputs",
            Sent("/v1/datasets", texts, "text/csv"),
            "`ignore`",
            Sent("/v1/datasets?ignore=name", texts, "text/csv"),
            "a column of 12 names",
            "`?ignore=name`",
        ),
        _file(
            "much missing",
            Sent("/v1/datasets", few, "text/csv"),
            "`ignore`",
            Sent("/v1/datasets?ignore=income", few, "text/csv"),
            "a column without a value",
            "`?ignore=income`",
        ),
        _file(
            "Parquet sent as csv",
            Sent("/v1/datasets", parquet, "text/csv"),
            parquet_kind,
            Sent("/v1/datasets", parquet, parquet_kind),
            "`content-type: text/csv`",
            f"`content-type: {parquet_kind}`",
        ),
        _file(
            "a workbook sent as an archive",
            Sent("/v1/datasets", as_xlsx(np.column_stack([X, Y])), "application/zip"),
            "spreadsheetml.sheet",
            Sent(
                "/v1/datasets",
                as_xlsx(np.column_stack([X, Y])),
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
            "`content-type: application/zip`",
            "the content type of xlsx",
        ),
        _file(
            "a file of JSON as an upload",
            Sent("/v1/datasets", json.dumps(DATA).encode(), JSON),
            "text/csv",
            _csv(),
            "`content-type: application/json`",
            "csv",
        ),
    ]


MISTAKES: Final = (*_fields(), *_tables())
