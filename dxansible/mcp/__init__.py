"""``dx-dispatch --mcp``: the same calls as tools of the Model Context Protocol, for agents."""
