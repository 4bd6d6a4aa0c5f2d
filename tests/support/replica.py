"""``python -m tests.support.replica CONFIG``: what a server does for the jobs floor, and nothing else."""

import sys

from service.jobs.config import JobsConfig
from service.jobs.service import JobService


def main() -> None:
    service = JobService(JobsConfig.from_json(sys.argv[1]))
    service.start()
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    sys.stdin.read()
    service.stop()


if __name__ == "__main__":
    main()
