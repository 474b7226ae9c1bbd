"""Every operation the API documents, in words of our own, as data: one table each in the TOML files beside this one."""
