"""What one would write without placeprint: PyTorch, the same network, the nearest photo. Started by `asking.py`.

python benchmarks/cold_peer.py VECTORS.npy PHOTO
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from published import efficientnet_lite0, load


def main() -> int:
    """Load, embed, rank, print the best row."""
    vectors, photo = np.load(sys.argv[1], allow_pickle=False), Path(sys.argv[2])
    model = efficientnet_lite0()
    with torch.inference_mode():
        query = model(load(photo)[None])[0][0].numpy()
    scores = vectors @ (query / np.linalg.norm(query))
    print(int(np.argsort(-scores)[0]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
