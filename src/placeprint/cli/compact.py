"""The verb compact."""

from __future__ import annotations

from placeprint.cli import options, printing, slips
from placeprint.cli.results import show_reach, size_of
from placeprint.terminal import counted


def compact(gallery: options.GalleryPath, output: options.Output) -> None:
    """Write what was added and removed as one: the same answers, as fast as if built at once.

    What was removed is not in the gallery's files any more after that.
    """
    from placeprint.gallery.compact import compact as write_as_one

    slips.expect_gallery(gallery)
    done = write_as_one(gallery, progress=output.progress)
    show_reach(done.gallery)
    sizes = {"bytes_before": done.bytes_before, "bytes_after": done.bytes_after}
    if output.as_json:
        printing.show_json({"images": len(done.gallery), "segments": done.segments, "removed": done.removed} | sizes)
        return
    if done.bytes_before == done.bytes_after:
        printing.say(f"nothing to do: {gallery} holds {size_of(done.gallery)} in one segment")
        return
    mb = " instead of ".join(f"{size / 1e6:,.1f} MB" for size in (done.bytes_after, done.bytes_before))
    was = f"{counted(done.segments, 'segment')} and {counted(done.removed, 'removed image')}"
    printing.say(f"{was} became one segment: {gallery} holds {size_of(done.gallery)} in {mb}")
