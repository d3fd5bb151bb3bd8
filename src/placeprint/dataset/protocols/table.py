"""All protocols, as data. A count or a rule is here only with the place where it is published."""

from __future__ import annotations

from placeprint.dataset.protocols.landmark_sets import gldv2, revisited
from placeprint.dataset.protocols.protocol import Count, Form, Protocol, Reads, Right
from placeprint.errors import UsageError

_NETVLAD = "Arandjelović et al., CVPR 2016 (NetVLAD)"
_EIGENPLACES = "Berton et al., ICCV 2023 (EigenPlaces), section 4 and its supplement"
_BENCHMARK = "Berton et al., CVPR 2022 (Deep Visual Geo-localization Benchmark)"
_DOWNLOADER = "github.com/gmberton/VPR-datasets-downloader"

_UTM = Form("VPR-datasets-downloader", Reads.NAMES, "images/test", "database", "queries")
_UTM_GALLERY = Form("VPR-datasets-downloader, first release", Reads.NAMES, "images/test", "gallery", "queries")
_NEAR = Right(metres=25.0)
_PAIR = Right(frames=0)


def _struct(name: str, gallery: str, queries: str) -> Form:
    about = "the authors' archives with NetVLAD's dbStruct"
    return Form(about, Reads.STRUCT, "", gallery, queries, f"datasets/{name}.mat")


def _sf_xl(number: int, queries: int) -> Protocol:
    return Protocol(
        name=f"sf-xl-v{number}",
        title=f"SF-XL test v{number}",
        family="sf-xl",
        gallery=Count(2_800_000, within=50_000),
        queries=Count(queries),
        right=_NEAR,
        forms=(Form("the authors' tree", Reads.NAMES, "processed/test", "database", f"queries_v{number}"),),
        source="Berton et al., CVPR 2022 (CosPlace); the README of SF-XL",
        note="small/test has the queries of v1 and about 27,000 gallery images: that is another set.",
    )


def _svox(queries: str, count: int) -> Protocol:
    kind = queries.removeprefix("queries").removeprefix("_")
    return Protocol(
        name=f"svox-{kind}" if kind else "svox",
        title=f"SVOX {kind}".rstrip(),
        family="svox",
        gallery=Count(17_166),
        queries=Count(count),
        right=_NEAR,
        forms=(Form("the authors' tree", Reads.NAMES, "images/test", "gallery", queries),),
        source=f"Berton et al., WACV 2021 (SVOX); {_EIGENPLACES}",
    )


_ALL = (
    Protocol(
        name="pitts30k",
        title="Pitts30k-test",
        family="pittsburgh",
        gallery=Count(10_000),
        queries=Count(6_816),
        right=_NEAR,
        forms=(_UTM, _struct("pitts30k_test", ".", "queries_real")),
        source=f"{_NETVLAD}; {_EIGENPLACES}",
    ),
    Protocol(
        name="pitts250k",
        title="Pitts250k-test",
        family="pittsburgh",
        gallery=Count(83_952),
        queries=Count(8_280),
        right=_NEAR,
        forms=(_UTM, _struct("pitts250k_test", ".", "queries_real")),
        source=f"{_NETVLAD}; {_EIGENPLACES}",
    ),
    Protocol(
        name="tokyo247",
        title="Tokyo 24/7",
        family="tokyo247",
        gallery=Count(75_984),
        queries=Count(315),
        right=_NEAR,
        forms=(
            _UTM,
            _struct("tokyo247", ".", "247query_subset_v2"),
            _struct("tokyo247", "tokyo247", "tokyo247/247query_subset_v2"),
        ),
        source=f"Torii et al., CVPR 2015; {_EIGENPLACES}",
    ),
    Protocol(
        name="msls-val",
        title="MSLS val",
        family="msls",
        gallery=Count(18_871),
        queries=Count(740),
        right=_NEAR,
        forms=(Form("the authors' archives", Reads.MSLS, "train_val", "cph", "sf"),),
        source=f"Warburg et al., CVPR 2020; github.com/mapillary/mapillary_sls; {_EIGENPLACES}",
        answerable=True,
        note="Images of the subtask `all`, no panoramas, and only queries with an image within 25 m.",
    ),
    Protocol(
        name="msls-val-all-queries",
        title="MSLS val, all queries",
        family="msls",
        gallery=Count(18_871),
        queries=None,
        right=_NEAR,
        forms=(
            Form("VPR-datasets-downloader", Reads.NAMES, "msls/val", "database", "queries"),
            Form("VPR-datasets-downloader", Reads.NAMES, "images/val", "database", "queries"),
        ),
        source=f"{_DOWNLOADER}, format_mapillary.py; {_BENCHMARK}",
        note="format_mapillary.py keeps every query of the two cities, some 15 times the 740 of msls-val.",
    ),
    _sf_xl(1, 1000),
    _sf_xl(2, 598),
    Protocol(
        name="nordland",
        title="Nordland",
        family="nordland",
        gallery=Count(27_592),
        queries=Count(27_592),
        right=Right(frames=10),
        forms=(
            _UTM,
            Form("the full videos' frames", Reads.ORDER, "", "summer", "winter", "cleanImageNames.txt"),
        ),
        source=f"Hausler et al., CVPR 2021 (Patch-NetVLAD); {_DOWNLOADER}, download_nordland.py; {_EIGENPLACES}",
        note="Winter is asked, summer is searched. Some papers turn that around.",
    ),
    Protocol(
        name="nordland-2760",
        title="Nordland, every tenth query",
        family="nordland",
        gallery=Count(27_592),
        queries=Count(2_760),
        right=Right(frames=1),
        forms=(_UTM,),
        source=f"{_DOWNLOADER}, download_nordland_subset.py",
        note="Not VPR-Bench's set of as many images, which SALAD and BoQ report: that asks summer, searches winter and "
        "has its truth in a pickle.",
    ),
    Protocol(
        name="nordland-3450",
        title="Nordland, partitioned",
        family="nordland",
        gallery=Count(3_450),
        queries=Count(3_450),
        right=Right(frames=2),
        forms=(
            Form("the authors' tree", Reads.NUMBERS, "test", "winter_images_test", "summer_images_test"),
            _UTM,
        ),
        source="Olid et al., PPNIV at IROS 2018 (Single-View Place Recognition under Seasonal Changes), test code",
        note="Summer is asked and winter searched, as their test code does by default; three stretches of 1,150 frames "
        "are numbered through.",
    ),
    Protocol(
        name="st-lucia",
        title="St Lucia",
        family="st-lucia",
        gallery=Count(1_549),
        queries=Count(1_464),
        right=_NEAR,
        forms=(_UTM, _UTM_GALLERY),
        source=f"Milford and Wyeth, T-RO 2008; {_BENCHMARK}; {_EIGENPLACES}",
    ),
    Protocol(
        name="eynsham",
        title="Eynsham",
        family="eynsham",
        gallery=Count(23_935),
        queries=Count(24_000, within=500),
        right=_NEAR,
        forms=(_UTM,),
        source=f"Cummins and Newman, RSS 2009; {_DOWNLOADER}, download_eynsham.py; {_EIGENPLACES}",
    ),
    Protocol(
        name="sped",
        title="SPED",
        family="sped",
        gallery=Count(607),
        queries=Count(607),
        right=_PAIR,
        forms=(_UTM, Form("VPR-Bench", Reads.NUMBERS, "SPEDTEST", "ref", "query")),
        source=f"Zaffar et al., IJCV 2021 (VPR-Bench); {_DOWNLOADER}, download_sped.py",
    ),
    Protocol(
        name="amstertime",
        title="AmsterTime",
        family="amstertime",
        gallery=Count(1_231),
        queries=Count(1_231),
        right=_PAIR,
        forms=(_UTM, Form("the authors' archive", Reads.NUMBERS, "", "new", "old")),
        source=f"Yildiz et al., ICPR 2022; {_DOWNLOADER}, download_amstertime.py; {_EIGENPLACES}",
    ),
    _svox("queries", 14_278),
    _svox("queries_night", 823),
    _svox("queries_overcast", 872),
    _svox("queries_rain", 937),
    _svox("queries_snow", 870),
    _svox("queries_sun", 854),
    Protocol(
        name="gsv-cities",
        title="GSV-Cities",
        family="gsv-cities",
        gallery=None,
        queries=None,
        right=Right(),
        forms=(Form("the authors' archive", Reads.GSV, "", "Images"),),
        source="Ali-bey et al., Neurocomputing 2022; github.com/amaralibey/gsv-cities",
        note="A set to train on, without a published test: each image is asked among the others, by place.",
    ),
    *revisited("roxford5k", "ROxford", 4_993),
    *revisited("rparis6k", "RParis", 6_322),
    gldv2("private"),
    gldv2("public"),
)


def protocols() -> tuple[Protocol, ...]:
    """Return all protocols that ``evaluate --protocol`` knows.

    Examples
    --------
    >>> import placeprint
    >>> [one.name for one in placeprint.protocols()][:3]
    ['pitts30k', 'pitts250k', 'tokyo247']
    """
    return _ALL


def find_protocol(name: str) -> Protocol:
    """Return the protocol of a name, however its letters and dashes are written.

    Raises `UsageError` when there is none.
    """
    wanted = _plain(name)
    for protocol in _ALL:
        if wanted in (_plain(protocol.name), _plain(protocol.title)):
            return protocol
    of_family = [p.name for p in _ALL if wanted == _plain(p.family)]
    which = f"which of {', '.join(of_family)}" if of_family else f"the protocols are {', '.join(p.name for p in _ALL)}"
    raise UsageError(f'there is no protocol "{name}": {which}' + ("?" if of_family else ""))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
