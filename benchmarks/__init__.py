"""Speed as ratios: each kind of work beside a reference that is measured in the same run."""
