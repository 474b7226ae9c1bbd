"""Accounts (companies), deals, pipelines, tasks, notes, and the custom fields of deals and accounts."""
