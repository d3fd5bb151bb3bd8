"""Fine-tune a model on your own places, and use it only if it is shown to be better (extra `train`).

pip install "placeprint[train]"
python examples/own_model.py photos my-model.onnx
"""

import sys
from pathlib import Path

import placeprint


def main(photos: str, out: Path) -> None:
    """Train, and index with whichever model is the better one."""
    trained = placeprint.train(photos, out)
    print(trained.verdict.says)
    model = str(out) if trained.better else None
    gallery = placeprint.index(photos, out.with_suffix(".gallery"), model=model).gallery
    print(gallery)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
