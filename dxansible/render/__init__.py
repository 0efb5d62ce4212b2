"""Shows results: live output, tables, JSON documents."""
