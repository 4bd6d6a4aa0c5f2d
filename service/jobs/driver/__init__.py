"""The driver of the jobs, in a process of its own: who is served next, leases, and its supervisor."""
