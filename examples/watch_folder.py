"""Sort photos by place as they arrive: a folder is looked at every few seconds, and what is sure is moved.

    python examples/watch_folder.py my.gallery inbox sorted

Photos that are not sure stay where they are. `--once` looks once and ends.
"""

import argparse
import time
from pathlib import Path

import placeprint

PHOTOS = {".jpg", ".jpeg", ".png", ".webp"}


def sort_once(recognizer: placeprint.Recognizer, inbox: Path, out: Path) -> int:
    """Move each photo that is sure into the folder of its place; return how many were moved."""
    moved = 0
    for photo in sorted(path for path in inbox.iterdir() if path.suffix.lower() in PHOTOS):
        try:
            answer = recognizer.recognize(photo)
        except placeprint.PlaceprintError as error:  # half copied, or no photo: another time
            print(f"{photo.name}: {error}")
            continue
        print(f"{photo.name}: {answer.said()}")
        target = out / (answer.place or "").replace("/", "-") / photo.name
        if answer.place is not None and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            photo.rename(target)
            moved += 1
    return moved


def main() -> None:
    """Read the arguments and watch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallery")
    parser.add_argument("inbox", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=float, default=5.0, help="seconds")
    parser.add_argument("--once", action="store_true")
    asked = parser.parse_args()
    recognizer = placeprint.Recognizer(asked.gallery)  # opened once: the next photo takes milliseconds
    sort_once(recognizer, asked.inbox, asked.out)
    while not asked.once:
        time.sleep(asked.every)
        sort_once(recognizer, asked.inbox, asked.out)


if __name__ == "__main__":
    main()
