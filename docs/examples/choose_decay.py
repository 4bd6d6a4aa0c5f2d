"""Choose the weight decay of a deep network by validation error, without training one: 201 exact minima in one request.

Forty patients to fit, 529 to validate; two hidden layers of 32 neurons with dropout.  Standard library only.
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
    """Sweep the decay and print the ends and the best."""
    data = call("/v1/examples/breast_cancer")["data"]
    rows = [(x, 1.0 if y else -1.0) for x, y in zip(data["x"], data["y"], strict=True)]
    random.Random(0).shuffle(rows)
    hidden = {"width": 32, "weight_decay": 1.0, "noise": {"kind": "dropout", "rate": 0.2}}
    problem = {
        "network": {"layers": [hidden, hidden, {"width": 1, "weight_decay": 1.0}], "bias": "output"},
        "data": {**samples(rows[:40]), "evaluation": samples(rows[40:])},
    }
    decays = [10 ** (step / 50 - 4) for step in range(201)]
    asked = {"problem": problem, "vary": {"weight_decay": decays}, "return": ["loss", "evaluation_fit", "norm"]}
    table = call("/v1/minima/batch", asked)["results"]
    best = min(range(len(decays)), key=lambda index: table["evaluation_fit"][index])
    for name, index in (("smallest", 0), ("best", best), ("largest", len(decays) - 1)):
        fit, norm = table["evaluation_fit"][index], table["norm"][index]
        print(f"{name:9} decay {decays[index]:.4f}   validation error {fit:.4f}   norm of the map {norm:.4f}")


if __name__ == "__main__":
    main()
