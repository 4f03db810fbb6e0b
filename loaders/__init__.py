"""Wardhouse: one simulated hospital network, and the loaders that bring it to a warehouse."""

__version__ = "0.1.0"
