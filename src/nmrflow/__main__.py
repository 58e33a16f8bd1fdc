"""``python -m nmrflow``: the command line."""

from nmrflow.commands.app import main

if __name__ == "__main__":
    main()
