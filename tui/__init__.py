"""The terminal interface: the analysis as messages, ladder, pairs, anomalies and figures. Reads `dissect`, and nothing reads it."""
