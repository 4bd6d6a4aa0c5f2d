"""What whoever runs the service sees: log lines and metrics."""
