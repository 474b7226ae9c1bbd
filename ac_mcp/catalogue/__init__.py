"""The catalogue: every operation the API documents, as data, one table each in the TOML files of this package."""
