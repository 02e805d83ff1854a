"""The views behind the numbers 1 to 6, and the dialogs."""
