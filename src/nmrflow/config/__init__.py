"""Configuration: what Hydra may compose, and how a configured name becomes an object."""
