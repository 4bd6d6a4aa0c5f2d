"""Every solver on decays and noise from 1e-12 to 1e6 and up to ten layers: answered, finite, bounds in order."""

from typing import Final

from service.vocabulary import Status
from tests.support.bracket_instances import KINDS
from tests.support.bracket_scan import scan

INSTANCES: Final = 2_000
FEWER: Final = {"nuclear_norm": 600, "rank_one_bottleneck": 600, "uncentred_noise": 300, "noisy_bounded": 300}
"""Of kinds whose solvers search, which takes longer."""


def report() -> str:
    """One row a kind."""
    rows = [
        f"| {kind} | {tally.instances} | {tally.learned} | "
        + " | ".join(str(tally.statuses[status]) for status in Status)
        + f" | {tally.worst_gap:.0e} |"
        for kind in KINDS
        for tally in [scan(kind, range(FEWER.get(kind, INSTANCES)))]
    ]
    return (
        "Random problems with weight decays, noise variances, weights of a divergence and decoder variances drawn "
        "uniformly in the logarithm from 1e-12 to 1e6: all layers alike, within a factor of some four of one another, "
        "or each on its own; two to ten layers where the solver knows them. The second row of `factorisation` puts a "
        "decay within a billionth, and often within rounding, of the two thresholds of a direction.\n\n"
        "Each answer is solved and certified. The run fails if one raises, holds a number that is not finite, has a "
        "lower bound above its upper one, a negative term, or a stationary point below its minimum; or if white "
        "inputs or free features leave a gap above 1e-13 of the targets' mean square. Those that are not `exact` have "
        "losses of which the rounding of the data is more than a billionth. A solver may hand a problem to another one "
        "that covers it more strongly.\n\n"
        "| kind | problems | minimum not zero | exact | certified | bounded | widest relative gap |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )
