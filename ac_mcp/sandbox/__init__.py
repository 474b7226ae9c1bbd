"""An ActiveCampaign account behind a Maton gateway, inside the process."""

from .http.faults import BadFault, Fault, Latency, parse
from .sandbox import Sandbox

__all__ = ["BadFault", "Fault", "Latency", "Sandbox", "parse"]
