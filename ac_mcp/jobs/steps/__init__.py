"""The steps of a job: each makes one change to every record."""
