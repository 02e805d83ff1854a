"""What is drawn: one widget a file."""
