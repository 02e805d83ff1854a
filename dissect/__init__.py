"""dissect: a dissector and traffic analyzer for five IoT protocols. Start reading at `dissect.pipeline`."""

__version__ = "0.1.0"
