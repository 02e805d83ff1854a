"""What happens in each sample capture, told message by message."""
