"""Log lines and metrics for the operator of the service."""
