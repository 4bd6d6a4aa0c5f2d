"""What every test shares: property tests repeat themselves exactly, unless asked to explore."""

import os
import tempfile

from hypothesis import settings

# Servers of tests compute no jobs and touch no data folder, unless a test says otherwise.
os.environ.setdefault("MINIMA_WORKERS", "0")
os.environ.setdefault("MINIMA_DATABASE_URL", f"sqlite:///{tempfile.mkdtemp()}/jobs.db")

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
