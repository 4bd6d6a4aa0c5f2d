"""Write ``docs/evidence/NAME.md`` for every report of the table, or for those named on the command line.

Each report is a module of this package with one function ``report() -> str`` that measures, and returns
Markdown without a title.  A report that finds a contradiction raises: nothing is written for it and the
run ends with status 1.  Adding a report is one file and one row.
"""

import argparse
import importlib
import os
import platform
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Final

from service.version import ENGINE_VERSION

REPORTS: Final[dict[str, str]] = {
    "adding": "Adding a solver, a theorem, an operation",
    "review": "What a reviewer looks for",
    "file_zoo": "Files as people have them",
    "mistakes": "Mistakes of the first minutes, and what is said to them",
    "late_fault": "A fault in the last row of four gigabytes",
    "real_tables": "Tables of packages, uploaded as they are",
    "model_files": "Files of models from PyTorch, scikit-learn and ONNX",
    "bracket_scan": "Every solver on decays and noise of any size",
    "landscape_cases": "Landscapes: every rule on its own cases",
    "landscape_attack": "Landscapes: random networks attacked by restarts",
    "landscape_practical": "Landscapes: networks that people train",
    "landscape_peers": "Landscapes: gradients and Hessians against PyTorch, PyHessian and curvlinops",
    "landscape_kinks": "Landscapes: trained ends at rest on the kinks of ReLU networks",
    "landscape_rules": "Landscapes: verdicts against descents and witnesses",
    "outputs_minima": "Minima for several outputs against searches",
    "outputs_diagnose": "Diagnosis of PyTorch runs that stopped on a plateau",
    "outputs_real": "Several outputs on real data: predictions that PyTorch meets",
    "outputs_models": "Reductions, free features and autoencoders against searches",
    "outputs_classes": "Classes of stationary points against exact Hessians",
    "search_floor": "No local search goes below a minimum",
    "phase_diagrams": "Phase diagrams: boundaries against bisection",
    "pictures": "Pictures of the documentation",
    "races": "Races: theory, this engine, and PyTorch",
    "scalar_certificates": "One output: certificates against arithmetic in many digits",
    "scalar_roots": "One output: stationary maps, thresholds and jumps",
    "scalar_search": "One output: search never beats the formula, and reaches it",
    "scalar_torch": "One output: PyTorch training ends at the predicted loss",
    "jobs_faults": "Jobs on bad days",
    "nasty_numbers": "Nasty numbers: nothing breaks, nothing is late",
    "schemathesis": "Generated requests and chains of them",
    "rolling_restart": "A rolling restart under load",
    "jobs_kills": "Jobs under kills",
    "raw_scan": "Raw data: bounds against exact arithmetic",
    "raw_nist": "Raw data: NIST's certified regressions",
    "raw_consistency": "Raw data: units, and agreement of all operations",
    "raw_mutations": "Raw data: faults in the arithmetic break laws",
    "stationarity": "Diagnosis: what counts as stationary",
    "overload": "Overload: what cheap requests notice",
    "cheap_requests": "Many cheap requests: memory",
    "bodies": "Bodies: what the worst of them cost",
    "fuzz_readers": "Readers of bodies and files, fuzzed",
    "uploads": "Uploads: memory, and what other requests notice",
    "verify_altered": "Verification: answers with one field changed",
    "linear_losses": "One linear layer: bounds against searches and scikit-learn",
    "flatness": "Flat minima: gradient descent on both sides of the largest step, and automatic differentiation",
    "learning_times": "Learning times against the flow",
    "learning_coefficient": "Learning coefficients against sampled volumes",
    "selection": "Selection against one solution for each sample and fold",
    "compression": "Compression: direct decompositions, every choice, and a network trained on Digits",
    "relu_torch": "ReLU networks of PyTorch: certified, or refuted with the missing unit",
    "relu_random": "ReLU networks: bounds against searches",
    "relu_peers": "ReLU networks: beside Adam and convex programs on sampled patterns",
    "relu_patterns": "ReLU networks: a cone program over every pattern",
    "relu_real": "ReLU networks: real data",
    "relu_kills": "ReLU networks: certified while workers are killed",
    "ranks_flows": "Ranks: predictions against gradient flow",
    "ranks_random": "Ranks: two hundred random separable problems",
    "ranks_real": "Ranks: Iris and Breast Cancer",
    "ranks_torch": "Ranks: PyTorch training approaches the prediction",
}
"""Module name to title."""

FOLDER: Final = Path(__file__).parent.parent / "docs" / "evidence"


def header(title: str, seconds: float) -> str:
    """The title, and what the figures below it depend on."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    return (
        f"# {title}\n\n"
        f"Written by `make evidence`: engine {ENGINE_VERSION}, Python {platform.python_version()}, {libraries}, "
        f"{platform.machine()}, {seconds:.0f} s.\n\n"
    )


def write(name: str, *options: object) -> None:
    """Run one report, with options where it has any, and store it."""
    start = time.perf_counter()
    body = importlib.import_module(f"evidence.{name}").report(*options)
    text = header(REPORTS[name], time.perf_counter() - start) + body.strip() + "\n"
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")


def main(names: list[str]) -> int:
    """Write the named reports, or all; the number of failures decides the exit status."""
    unknown = sorted(set(names) - set(REPORTS))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(REPORTS)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names or REPORTS:
        print(f"{name} ...", flush=True)
        try:
            write(name)
        except Exception:  # noqa: BLE001 - one report that fails must not keep the others from being written
            traceback.print_exc()
            failed += 1
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evidence", description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cases", type=int, help="requests that the reports of generated requests send")
    parser.add_argument("--seconds", type=float, help="how long the reports of loads and of generated requests take")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _arguments()
    if asked.cases is not None:
        os.environ["EVIDENCE_CASES"] = str(asked.cases)
    if asked.seconds is not None:
        os.environ["EVIDENCE_SECONDS"] = str(asked.seconds)
    sys.exit(main(asked.names))
