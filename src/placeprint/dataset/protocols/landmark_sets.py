"""The protocols whose truth is lists: revisited Oxford and Paris, and Google Landmarks v2."""

from __future__ import annotations

from collections.abc import Iterator

from placeprint.dataset.protocols.protocol import Count, Form, Protocol, Reads, Right

_REVISITED = "Radenović et al., CVPR 2018; github.com/filipradenovic/revisitop"


def revisited(name: str, title: str, gallery: int) -> Iterator[Protocol]:
    """Yield the three protocols of one set: what is right, and what counts neither way."""
    levels = {
        "easy": Right(listed=("easy",), junk=("junk", "hard")),
        "medium": Right(listed=("easy", "hard"), junk=("junk",)),
        "hard": Right(listed=("hard",), junk=("junk", "easy")),
    }
    forms = [
        Form(about, Reads.REVISITED, "", "jpg", queries, f"gnd_{name}.{suffix}")
        for queries in ("jpg_queries", "")
        for suffix, about in (("json", "gnd as JSON"), ("mat", "the authors' gnd for MATLAB"))
    ]
    for level, right in levels.items():
        yield Protocol(
            name=f"{name}-{level}",
            title=f"{title} ({level})",
            family=name,
            gallery=Count(gallery),
            queries=Count(70),
            right=right,
            forms=tuple(forms),
            source=_REVISITED,
            reports=("mAP", "mP@1", "mP@5", "mP@10"),
            answerable=True,
            note="Queries are cropped to their bounding box, unless crops are in jpg_queries. gnd_*.pkl is a pickle, "
            "never opened: take gnd_*.mat (placeprint[mat]), or JSON of it.",
        )


def gldv2(usage: str) -> Protocol:
    """Return the protocol of the private or the public test images."""
    solution = "retrieval_solution_v2.1.csv"
    forms = [
        Form("the authors' archives", Reads.GLD, "", "index", "test", f"{folder}{solution}")
        for folder in ("", "metadata/")
    ]
    part = {"private": "test", "public": "val"}[usage]
    return Protocol(
        name=f"gldv2-{part}",
        title=f"GLDv2 retrieval ({part})",
        family="gldv2",
        gallery=Count(761_757),
        queries=None,
        right=Right(listed=(usage,)),
        forms=tuple(forms),
        source="Weyand et al., CVPR 2020; github.com/cvdfoundation/google-landmark",
        reports=("mAP@100",),
        answerable=True,
        note=f"The queries are the test images whose Usage is {usage.title()}.",
    )
