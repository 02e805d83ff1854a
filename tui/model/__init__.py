"""What the interface shows, without a widget: plain functions and values over a growing `dissect.analysis.Analysis`."""
