"""The tshark engine: what Wireshark can and the native readers cannot (cli.md, `--engine`).

It decrypts TLS, finds the network layer of link types that we do not peel, and opens file formats other than pcap and pcapng.
Reassembly, recognition and all above stay ours, so that both engines say the same of the same bytes. pyshark drives it, imported when it is used.
`choice` decides between the engines, `source` is the engine.
"""
