"""Choose the weight decay of a deep network without held-out data, and without training one: 201 exact minima.

Forty patients to fit; two hidden layers of 32 neurons with dropout.  The other 529 only tell afterwards how good the
choice was.  Standard library only.
Usage: python docs/examples/choose_decay.py [SERVICE]
"""

import json
import random
import sys
import urllib.request

SERVICE = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"


def call(path, body=None):
    """Post a body, or get."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(SERVICE + path, content, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def samples(rows):
    """Rows of (x, y) as data of a problem."""
    return {"kind": "samples", "x": [x for x, _ in rows], "y": [y for _, y in rows]}


def main():
    """Ask for a selection and print what each criterion chooses."""
    data = call("/v1/examples/breast_cancer")["data"]
    rows = [(x, 1.0 if y else -1.0) for x, y in zip(data["x"], data["y"], strict=True)]
    random.Random(0).shuffle(rows)
    hidden = {"width": 32, "weight_decay": 1.0, "noise": {"kind": "dropout", "rate": 0.2}}
    problem = {
        "network": {"layers": [hidden, hidden, {"width": 1, "weight_decay": 1.0}], "bias": "output"},
        "data": {**samples(rows[:40]), "evaluation": samples(rows[40:])},
    }
    asked = {"problem": problem, "vary": "weight_decay", "grid": {"from": 1e-4, "to": 1.0, "points": 201}}
    found = call("/v1/selection", {**asked, "folds": 5})
    for name in ("loo", "gcv", "kfold", "one_standard_error", "evaluation"):
        chosen = found["chosen"][name]
        afterwards, norm = found["evaluation"][chosen["index"]], found["norm"][chosen["index"]]
        print(f"{name:18} decay {chosen['value']:.4f}   on 529 others {afterwards:.4f}   norm of the map {norm:.4f}")


if __name__ == "__main__":
    main()
