"""Bulk steps: the thing that a job does with each record."""
