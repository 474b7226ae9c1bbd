"""HTTP in front of the account: routes, bodies, rate limits, faults, the request log, the server on this machine."""
