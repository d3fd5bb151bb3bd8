"""The losses of the field by name, each with its miner, from pytorch-metric-learning."""

from __future__ import annotations

from typing import Any

from placeprint.training.packages import metric_learning_package, torch_package
from placeprint.training.settings import TrainSettings


def make_objective(settings: TrainSettings, *, classes: int, dim: int) -> Any:
    """Return a module: unit embeddings (n, dim) and labels (n,) to a loss.

    Parameters
    ----------
    classes : int
        Places that train.

    Notes
    -----
    Multi-Similarity: Wang et al. 2019, alpha 2, beta 50, base 0.5, its miner 0.1. Triplet: batch-hard, Hermans et al.
    2017, margin 0.2; or semi-hard negatives, Schroff et al. 2015. ArcFace: Deng et al. 2019, here 20 degrees, scale 30.
    """
    torch, library = torch_package(), metric_learning_package()
    miner = None
    if settings.loss == "multi-similarity":
        loss = library.losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)
        miner = library.miners.MultiSimilarityMiner(epsilon=0.1)
    elif settings.loss == "triplet":
        loss, miner = library.losses.TripletMarginLoss(margin=0.2), library.miners.BatchHardMiner()
    elif settings.loss == "triplet-semihard":
        loss = library.losses.TripletMarginLoss(margin=0.2)
        miner = library.miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard")
    else:
        loss = library.losses.ArcFaceLoss(classes, dim, margin=20, scale=30)
    neck = torch.nn.BatchNorm1d(dim) if settings.loss == "arcface" and settings.neck else None
    if neck is not None:
        neck.bias.requires_grad_(requires_grad=False)  # as in the BNNeck

    objective = torch.nn.Module()
    objective.loss, objective.neck = loss, neck

    def forward(embeddings: Any, labels: Any) -> Any:
        seen = embeddings if neck is None else neck(embeddings)
        return loss(seen, labels) if miner is None else loss(seen, labels, miner(embeddings, labels))

    objective.forward = forward
    return objective
