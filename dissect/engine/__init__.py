"""One message at a time: whose it is, what is inside, what is wrong with it."""
