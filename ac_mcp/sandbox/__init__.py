"""An ActiveCampaign account behind a Maton gateway, inside the process."""

from .http.faults import BadFault, Fault, Latency, parse
from .quirks import BadQuirk, Quirks
from .sandbox import Sandbox

__all__ = ["BadFault", "BadQuirk", "Fault", "Latency", "Quirks", "Sandbox", "parse"]
