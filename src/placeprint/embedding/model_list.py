"""The verb `models`: every model that can be named or brought, in one list."""

from __future__ import annotations

from dataclasses import asdict

from placeprint.embedding.models import ListedModel, list_models
from placeprint.embedding.zoo import list_zoo


def models(*, known: bool = False, commercial_only: bool = False) -> tuple[ListedModel, ...]:
    """List the models that are here, the default first, then published ones that you can bring.

    Parameters
    ----------
    known : bool
        Only the published ones.
    commercial_only : bool
        Leave out what a closed product may not use, or whose licence nobody states.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.models()[0].name
    'efficientnet-lite0'
    """
    bundled = () if known else list_models()
    zoo = list_zoo(commercial_only=commercial_only)
    return (*bundled, *(ListedModel(bundled=False, **asdict(model)) for model in zoo))
