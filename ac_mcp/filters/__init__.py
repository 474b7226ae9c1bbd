"""Conditions on contacts and deals, and the queries they become."""
