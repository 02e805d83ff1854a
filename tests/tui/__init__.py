"""The interface: its model without widgets, its screens through a pilot, and what reaches a real terminal."""
