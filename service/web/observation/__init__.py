"""Metrics for the operator of the service."""
