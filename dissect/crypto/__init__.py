"""Key exchanges and AES: the only place that imports cryptography and ecdsa (both late, when a key is first used)."""
