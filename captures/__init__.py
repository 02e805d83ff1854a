"""Sample captures, a folder each, and the program that writes them (`python -m captures.write`).

Packets are built with scapy (GPL-2.0; not loaded by dissect), messages with the grammars, and data is encrypted here
with code of its own, so that the samples test the decryptor.
"""
