"""Views as files: packets, reports, tables, ladders."""
