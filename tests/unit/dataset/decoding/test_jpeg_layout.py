"""What the scans of a JPEG have of its image."""

from hypothesis import given
from hypothesis import strategies as st

from placeprint.dataset.decoding.jpeg_scans import Frame, Layout, Scan

SCANS = st.builds(
    lambda components, first, last, final: Scan(0, 0, tuple(components), range(first, last + 1), final, 0),
    st.lists(st.integers(1, 4), max_size=4),
    st.integers(0, 70),
    st.integers(0, 70),
    st.booleans(),
)


@given(scans=st.lists(SCANS, max_size=8), count=st.integers(0, 9), components=st.integers(1, 4))
def test_coverage_is_the_mean_over_coefficients(scans: list[Scan], count: int, components: int) -> None:
    layout = Layout(Frame(8, 8, dict.fromkeys(range(1, components + 1), (1, 1))), tuple(scans), None)
    share = {
        (component, k): max(
            (1.0 if s.final else 0.5) for s in scans[:count] if component in s.components and k in s.band
        )
        for s in scans[:count]
        for component in s.components
        for k in s.band
    }
    assert layout.coverage(count) == min(1.0, sum(share.values()) / (64 * components))
