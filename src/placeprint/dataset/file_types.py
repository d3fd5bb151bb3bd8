"""Which names are images, which are images of a format that is not read, and which belong to the system."""

from __future__ import annotations

import re
from collections.abc import Mapping

from placeprint.dataset.files import SUFFIXES
from placeprint.terminal import counted

_ENDINGS = tuple(SUFFIXES)
_SYSTEM = re.compile(
    r"\$recycle\.bin|recycle[rd]|recycle[. ]bin( - .*)?|[@#]recycle|trashbox|(@|\.)?eadir|@__thumb|__macosx"
    r"|lost\+found|@tmp|@sharebin|@transcode"
    r"|[#~@]snapshots?|@recently-snapshot|found\.\d{3}|__pycache__|system volume information|network trash folder"
    r"|temporary items|thevolumesettingsfolder"
)
"""Folders that systems and network drives create; hidden ones are skipped as well."""
_OTHER_FORMAT = re.compile(
    r"\.(mpo|jp2|j2[kc]|jp[fxms]|jxl|jxr|wdp|hdp|p[pgbnf]m|tga|ico|icns|ps[db]|xcf|svgz?|eps|exr|hdr|dds|pcx|jif|jfi"
    r"|pjpe?g|pjp|pns|apng|hif|heics|heifs|avc[is]|avifs|insp|dib|sgi|qoi|fits|raw|cr[23w]|nef|nrw|arw|srf|sr2|dng"
    r"|orf|rw[2l]|raf|pef|srw|x3f|3fr|iiq|erf|kdc|dcr|mrw|mef|mos|gpr)$"
)
_SPOILT = re.compile(r"\.(jpe?g|jpe|png|webp|avif|tiff?|bmp|gif|hei[cf])[^a-z0-9/][^/]{0,30}$")
_BESIDE = re.compile(
    r"\.(json|txt|xmp|xml|[ct]sv|md5|sha\d+|html?|np[yz]|h5|mat|ya?ml|pp3|dop|aae|url|lnk|md|log|pkl|pt|gz)$"
)
"""Files about an image, such as ``1.jpg.json``."""
WITHOUT_ENDING = "without an ending"


def is_image(name: str) -> bool:
    """Return whether a file is an image by its name."""
    return not name.startswith(".") and name.lower().endswith(_ENDINGS)


def is_skipped(name: str) -> bool:
    """Return whether a folder is the system's, a trash or a cache of thumbnails."""
    return name.startswith(".") or _SYSTEM.fullmatch(name.lower()) is not None


def left_out_ending(name: str) -> str:
    """Return the suffix of an image in a format that is not read, as ``.mpo``, ``.jpg.bak``; empty for other files."""
    name = name.lower()
    if name.startswith(".") or _BESIDE.search(name):
        return ""
    found = _SPOILT.search(name) or _OTHER_FORMAT.search(name)
    return found[0][:12] if found else ""


def says_left_out(left_out: Mapping[str, int]) -> str:
    """Return ``left out: 3 .mpo, 1 without an ending``, the most frequent first; empty for none."""
    ranked = sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{count} {ending}" for ending, count in ranked[:5]]
    others = sum(count for _, count in ranked[5:])
    return "left out: " + ", ".join(named + ([counted(others, "other")] if others else [])) if named else ""
