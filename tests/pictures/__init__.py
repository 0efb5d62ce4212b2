"""Pictures of terminals for the documents, made from real runs on a lab."""
