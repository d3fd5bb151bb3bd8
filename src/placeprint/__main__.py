"""``python -m placeprint`` is the program ``placeprint``."""

from placeprint.cli.program import run

if __name__ == "__main__":
    run()
