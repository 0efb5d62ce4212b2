"""Tools of ``dx-dispatch --mcp``, called by the SDK's own client."""
