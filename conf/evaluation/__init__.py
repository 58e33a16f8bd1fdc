"""The configuration of nmrflow.evaluate, apart so that its ``split`` is no group of training's."""
