"""What a gallery keeps of positions goes to a server and back, decides there, and counts what changes."""

from pathlib import Path

import numpy as np
from making import clustered, records_of

from placeprint import Gallery, PositionEvidence, Recognizer, open_gallery
from placeprint.embedding.imported import imported_spec
from placeprint.gallery.move import move

EVIDENCE = PositionEvidence(
    known=((0.9, 7.0),) * 30, unknown=(0.2,) * 30, distrusted=((0, records_of(1)[0].path),), asked=30, images=40
)


def test_positions_are_given_on_a_server_as_in_a_folder(address: str, tmp_path: Path) -> None:
    vectors, records = clustered(40, 8), records_of(40)
    here = Gallery.build(tmp_path / "g", records=records, vectors=vectors, spec=imported_spec("m", 8), index="exact")
    here = here.with_positions(EVIDENCE)
    there = move(here, address).gallery
    assert there.position_evidence == EVIDENCE
    for vector in np.asarray(here.vectors[:5]):
        one, other = (Recognizer(gallery).answer(vector).position for gallery in (here, there))
        assert one == other
        assert records[0].path not in one.images
    there, _ = there.remove([records[3].path])
    assert open_gallery(address).position_evidence.changed == there.position_evidence.changed == 1
    there.with_positions(EVIDENCE)
    back = move(address, tmp_path / "back").gallery
    assert back.position_evidence == EVIDENCE
