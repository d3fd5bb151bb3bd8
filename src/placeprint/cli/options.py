"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Dataset = Annotated[Path, typer.Argument(help="A folder of photos by place, or a manifest (.csv, .jsonl).")]
LayoutName = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="How folders are read where two ways fit: split-first, place-first, places, flat, or the folders of "
        "gallery and queries: train/val, train+val/test.",
    ),
]
GalleryPath = Annotated[
    str, typer.Argument(metavar="GALLERY", help="A gallery's folder, or its address: milvus://host:19530/name.")
]
GalleryOption = Annotated[
    str | None, typer.Option("--gallery", "-g", help="Search in this gallery: folder or address.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="A name or a source of `placeprint models`, or a path.onnx."),
]
IndexName = Annotated[str, typer.Option("--index", help="auto, exact or faiss.")]
RunnerName = Annotated[str, typer.Option("--runner", help="openvino or onnx.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the embedding cache.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Images in flight; as many as there are cores by default.")
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace a gallery that is there also where it would lose something by it.")
]
Embeddings = Annotated[
    Path | None, typer.Option("--embeddings", help="Vectors you already have (.npy), with --records.")
]
Records = Annotated[Path | None, typer.Option("--records", help="The manifest that names the rows of --embeddings.")]
Threshold = Annotated[
    float | None, typer.Option("--unknown-threshold", help="Answer UNKNOWN when the best score is below it.")
]
Margin = Annotated[
    float | None,
    typer.Option("--unknown-margin", help="Answer UNKNOWN when the best other place is closer than this."),
]
Ks = Annotated[str, typer.Option("--k", help="The K of Recall@K, separated by commas.")]
Radius = Annotated[float | None, typer.Option("--radius", help="Metres within which a match is right, by coordinates.")]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset", help="fast, balanced (default) or best; with changes: balanced:verified=20:budget_ms=100."
    ),
]
