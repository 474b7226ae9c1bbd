"""The icon that hosts show beside the server's name: an envelope on its way. Drawn for this project."""

from base64 import b64encode

import mcp_types as types

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="#1f4fd8"/>'
    '<g fill="none" stroke="#fff" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M8 7h11v10H8z"/><path d="m8 7.5 5.5 5 5.5-5"/><path d="M3 10h3M4 14h2"/></g></svg>'
)
ICON = types.Icon(
    src=f"data:image/svg+xml;base64,{b64encode(SVG.encode()).decode()}", mime_type="image/svg+xml", sizes=["any"]
)
