"""An ActiveCampaign account behind a Maton gateway, inside the process."""

from .faults import BadFault, Fault, parse
from .faulty import Latency
from .sandbox import Sandbox

__all__ = ["BadFault", "Fault", "Latency", "Sandbox", "parse"]
