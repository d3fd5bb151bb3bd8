"""A file that is known beforehand, fetched over HTTPS: resumed where it was interrupted, never more than it has."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from placeprint.errors import ModelError, first_line
from placeprint.progress import Progress, Stretch
from placeprint.storage.atomic import FULL, sha256_file, sync, write_json
from placeprint.storage.regular_files import read_regular

_BLOCK = 1 << 18
_TIMEOUT = 30.0
"""Seconds without a byte."""
_MEBIBYTE = 1 << 20
_MOST_KEPT = 4096
"""Bytes of the file that remembers what a part is of."""
_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})")
_HERE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a server."""

    address: str  # ``https://…``; ``http://`` only of this machine.
    # least, most: Bytes: one number, or two where the size was published rounded.
    least: int
    most: int
    sha256: str  # Hexadecimal; the first digits where not all are published.

    @property
    def name(self) -> str:
        """The file's name."""
        return urlsplit(self.address).path.rpartition("/")[2]

    def fetch(self, folder: Path, *, progress: Progress | None = None) -> Path:
        """Fetch it into a folder, going on where an earlier try ended, and return its path.

        Nothing is fetched when it is there already. A part of it is kept beside its place, hidden, until it is whole.

        Raises `ModelError` when the server cannot be reached or does not have this very file, the disk is full, or the
        transfer is interrupted: what came is kept, unless it is not what it must be.
        """
        path = folder / self.name
        if path.is_file() and sha256_file(path).startswith(self.sha256):
            return path
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder / f".{self.name}.lock"):
                self._fetch(folder, _Part(folder / f".{self.name}.part"), progress)
        except OSError as error:
            full = "the disk is full" if error.errno in FULL else first_line(error)
            raise ModelError(
                f'"{path}" cannot be written: {full}. What came is kept, and the same command goes on from there'
            ) from error
        return path

    def _fetch(self, folder: Path, part: _Part, progress: Progress | None) -> None:
        with self._opened(part) as (response, at, total):
            end = total or self.most
            if shutil.disk_usage(folder).free < end - at:
                raise ModelError(f'"{folder}" has no room for {_megabytes(end - at)} more: nothing was fetched')
            validator = response.headers.get("ETag", "") or response.headers.get("Last-Modified", "")
            part.begin(self.address, "" if validator.startswith("W/") else validator, at)
            with Stretch(progress, f"fetching {self.name}, MB", -(-end // _MEBIBYTE)) as step:
                step(at // _MEBIBYTE)
                got = self._copied(response, part, at, step)
        if got < (total or self.least):
            raise ModelError(
                f'of "{self.name}" came {_megabytes(got)} of {_megabytes(end)}: the same command goes on from there'
            )
        found = sha256_file(part.path)
        if not found.startswith(self.sha256):
            part.remove()
            raise ModelError(
                f"what {self.address} sent has the SHA-256 {found}, and not {self.sha256}: it was damaged on its way "
                "or is another file, and was deleted"
            )
        part.finish(folder / self.name)

    def _copied(self, response: Any, part: _Part, at: int, step: Stretch) -> int:
        """Write what comes behind what is there, and return how many bytes there are."""
        with part.opened(at) as file:
            while True:
                try:
                    block = response.read(_BLOCK)
                except (http.client.HTTPException, OSError):  # the connection ended, or nothing came for long
                    return at
                if not block:
                    return at
                if at + len(block) > self.most:
                    part.remove()
                    raise ModelError(f"{self.address} sends more than {_megabytes(self.most)}: it is another file")
                file.write(block)
                step((at + len(block)) // _MEBIBYTE - at // _MEBIBYTE)
                at += len(block)

    @contextmanager
    def _opened(self, part: _Part) -> Iterator[tuple[Any, int, int]]:
        """Ask for what is missing; yield the response, where it begins, and the size of all, 0 where not told."""
        had, validator = part.kept(self.address, self.most)
        with self._asked(had, validator) as response:
            at, total = self._placed(response)
            if response.status == http.client.PARTIAL_CONTENT and at != had:
                raise ModelError(f"{self.address} sent another part than was asked for")
            if total and not self.least <= total <= self.most:
                part.remove()
                raise ModelError(
                    f"{self.address} has {total:,} bytes, and not {_megabytes(self.least)}: it is another file, and "
                    "nothing was fetched"
                )
            yield response, at, total

    def _asked(self, had: int, validator: str) -> Any:
        more = {"Range": f"bytes={had}-", "If-Range": validator} if had else {}
        _require_safe(self.address)
        request = urllib.request.Request(self.address, headers={"Accept-Encoding": "identity"} | more)  # noqa: S310 - checked
        try:
            return urllib.request.build_opener(_SameScheme).open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and had:
                return self._asked(0, "")
            said = f"{error.code} {error.reason[:80]}"
            raise ModelError(f"{self.address} answered {said}: nothing was fetched") from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: it sends on to no address
            why = first_line(getattr(error, "reason", error))[:200]
            raise ModelError(f"{self.address} cannot be reached ({why}): it needs a network") from error

    def _placed(self, response: Any) -> tuple[int, int]:
        """Return where the body begins, and the size of the whole file, 0 where it is not told."""
        if response.headers.get("Content-Encoding", "identity") != "identity" or response.chunked:
            raise ModelError(f"{self.address} sends the file packed or in chunks, which may be of any size")
        if response.status == http.client.PARTIAL_CONTENT:
            told = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if told is None:
                raise ModelError(f"{self.address} does not say which part it sends")
            return int(told[1]), int(told[2])
        if response.status != http.client.OK:
            raise ModelError(f"{self.address} answered {response.status}: nothing was fetched")
        return 0, response.length or 0


class _Part:
    """The beginning of a file, and what it is the beginning of."""

    def __init__(self, path: Path) -> None:
        self.path, self._about = path, path.with_suffix(".part.json")

    def kept(self, address: str, most: int) -> tuple[int, str]:
        """Return how many bytes can be gone on from, and by what the server knows that they are of the same file."""
        try:
            about = json.loads(read_regular(self._about, _MOST_KEPT))
            size = 0 if self.path.is_symlink() else self.path.stat().st_size
        except (OSError, ValueError, RecursionError):
            return 0, ""
        validator = about.get("validator") if isinstance(about, Mapping) and about.get("address") == address else None
        fine = isinstance(validator, str) and validator.isprintable() and validator.isascii() and 0 < size < most
        return (size, validator) if fine and validator else (0, "")

    def begin(self, address: str, validator: str, at: int) -> None:
        """Note what is fetched, before any of it is written."""
        if not at:
            self.path.unlink(missing_ok=True)
        write_json(self._about, {"address": address, "validator": validator})

    @contextmanager
    def opened(self, at: int) -> Iterator[IO[bytes]]:
        """Open it to write behind so many bytes."""
        with self.path.open("r+b" if at else "xb") as file:
            file.seek(at)
            yield file
            file.flush()
            os.fsync(file.fileno())

    def finish(self, path: Path) -> None:
        """Put the whole file where it belongs."""
        os.replace(self.path, path)
        sync(path.parent)
        self._about.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete what is not of the file."""
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows a server that sends on, but out of HTTPS to nowhere."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Return the request for where it lies."""
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            fp.close()
            raise ModelError(f"{req.full_url} sends on to {newurl[:200]!r}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_safe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _HERE):
        raise ModelError(f"{address} is not fetched: only https is")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep a second program from writing into the same part. Raises `ModelError`."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise ModelError(f'"{lock.parent}": another program is fetching this file: wait for it') from error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
