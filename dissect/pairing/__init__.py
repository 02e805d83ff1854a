"""Which answer belongs to which request, which message is another seen again, and what caused what."""
