"""Uploading a trained network: ``evo_nas.push_to_hub("RUN", "owner/name")``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from evo_nas.core.paths import absolute
from evo_nas.core.plugins.trusted_code import trusting
from evo_nas.errors import ExportError, HubError
from evo_nas.results.networks.export import FOLDER, Wish, export
from evo_nas.results.networks.names import MODEL
from evo_nas.results.networks.trained import load_trained
from evo_nas.space.architecture import ARCHITECTURE

from .address import Address, hub, located, parse_address
from .front_matter import UNTOLD, Publication

_HIDDEN = (".*", "*/.*")  # what editors and version control leave in a folder


def push_to_hub(
    what: str | Path,
    repository: str,
    *,
    private: bool | None = None,
    message: str | None = None,
    license: str | None = None,
    datasets: Sequence[str] = (),
    trust_code: bool = False,
) -> str:
    """Upload a trained network as a model folder, with who is logged in (``hf auth login``).

    Args:
        what: a model folder, which is uploaded as it lies there, or what else :func:`evo_nas.load`
            takes, of which one is made, and checked.
        repository: owner/name, made if it is not there; owner/name@branch likewise.
        private: of a repository that is made; by default as its owner has it.
        message: of the commit.
        license: an identifier of the Hub, such as "apache-2.0"; none is written unless it is told.
        datasets: the images' names on the Hub.
        trust_code: as for :func:`evo_nas.load`.

    Returns:
        The address of what was uploaded, hf://owner/name@commit, for :func:`evo_nas.load`.

    Raises:
        HubError: the Hub refuses, or cannot be reached.
        EvoNasError: there is no such network, or it cannot be exported.
    """
    address, said = parse_address(repository), Publication(license, tuple(datasets))
    check_publication(Wish(), address)
    path = located(what)
    if os.path.isfile(path / ARCHITECTURE):
        if said != UNTOLD:
            raise HubError(
                f"{path} is uploaded as it is; write license and datasets into its README.md"
            )
        return upload(path, address, private, message)
    with trusting(trust_code):
        trained = load_trained(str(path))
    with TemporaryDirectory(prefix="evo-nas-") as place:
        made = export(trained, Wish(publication=said), Path(place) / trained.name)
        return upload(made.path, address, private, message)


def check_publication(wish: Wish, address: Address | None) -> None:
    """Raise an ExportError if a file alone is to be published; before something is written."""
    if FOLDER not in wish.formats and (address or wish.publication != UNTOLD):
        raise ExportError(
            "--push-to, --license and --dataset are for model folders: add --format folder"
        )
    if address is not None:
        with hub(f"{address} cannot be written"):
            pass


def upload(
    folder: Path, address: Address, private: bool | None = None, message: str | None = None
) -> str:
    """Upload a model folder; the address of the commit.

    Raises:
        HubError: it is none, or the Hub refuses, or cannot be reached.
    """
    for name in (ARCHITECTURE, MODEL):
        if not os.path.isfile(folder / name):
            raise HubError(f"{folder} is no whole model folder: it has no {name}")
    with hub(f"{address} cannot be written") as hugging_face:
        api = hugging_face.HfApi(library_name="evo-nas")
        api.create_repo(address.repository, private=private, exist_ok=True)
        if address.revision:
            api.create_branch(address.repository, branch=address.revision, exist_ok=True)
        commit = api.upload_folder(
            repo_id=address.repository,
            folder_path=absolute(folder),
            revision=address.revision,
            commit_message=message or f"{folder.name}, by evo-nas",
            ignore_patterns=list(_HIDDEN),
        )
    return str(Address(address.repository, commit.oid))
