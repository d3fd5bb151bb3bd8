"""The verb `models`: every model that can be named or brought, in one list."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from placeprint.embedding.models import list_models
from placeprint.embedding.zoo import list_zoo


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """A model that is bundled, or one of the field that can be brought.

    Attributes
    ----------
    name, source, licence : str
        `source` of a model of the field is what `placeprint export` takes, or where its authors publish it.
    dim, input_size : int
        Of the embedding, and of the input in pixels.
    here : bool
        True when it can be used now.
    bundled : bool
        True when it comes with the package.
    about : str or None
        One line on a bundled model.
    megabytes : float or None
        Of a bundled model's file.
    parameters : float or None
        Millions, of a model of the field.
    commercial : bool or None
        Whether a closed product may use a model of the field.
    recall_at_1 : float or None
        As published, per cent.
    benchmark, citation : str or None
        Of that figure.

    Examples
    --------
    >>> import placeprint
    >>> [model.name for model in placeprint.models() if model.bundled]
    ['efficientnet-lite0', 'efficientnet-lite0-average', 'rootsift-vlad']
    """

    name: str
    source: str
    licence: str
    dim: int
    input_size: int
    here: bool
    bundled: bool
    about: str | None = None
    megabytes: float | None = None
    parameters: float | None = None
    commercial: bool | None = None
    recall_at_1: float | None = None
    benchmark: str | None = None
    citation: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def models(*, known: bool = False, commercial_only: bool = False) -> tuple[ListedModel, ...]:
    """List the models that can embed, the default first, then those of the field that can be brought.

    Parameters
    ----------
    known : bool
        Only those of the field.
    commercial_only : bool
        Leave out what a closed product may not use, or whose licence nobody states.

    Examples
    --------
    >>> import placeprint
    >>> placeprint.models()[0].name
    'efficientnet-lite0'
    """
    bundled = () if known else tuple(ListedModel(bundled=True, **asdict(model)) for model in list_models())
    zoo = list_zoo(commercial_only=commercial_only)
    return (*bundled, *(ListedModel(bundled=False, **asdict(model)) for model in zoo))
