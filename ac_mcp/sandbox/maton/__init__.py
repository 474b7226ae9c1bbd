"""Maton in front of ActiveCampaign: connections, the control API, the connect page, and who may come in."""
