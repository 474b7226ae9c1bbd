"""An ActiveCampaign account behind a Maton gateway, inside the process."""

from .sandbox import Sandbox

__all__ = ["Sandbox"]
