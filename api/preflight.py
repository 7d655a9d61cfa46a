"""What can be wrong before anything is started: found out first, and told in one line that says what to do."""

import os
from dataclasses import dataclass
from pathlib import Path

from api.http.tls import Certificate
from runtime.agents.capability import Registry
from runtime.core.errors import InvalidInputError, ModelRejectedError, NotFoundError
from runtime.identity.identity import check_administrator
from runtime.models.catalogue import Catalogue
from runtime.models.vendors import BY_TYPE
from runtime.ports.model import ModelRef
from runtime.process.auth_settings import AuthMode
from runtime.process.settings import ModelSettings, Settings
from runtime.vault.keyring import Keyring, open_keyring
from runtime.wiring import capabilities


@dataclass(frozen=True, slots=True)
class Cleared:
    """What the checks have loaded on their way."""

    registry: Registry
    catalogue: Catalogue
    default_model: ModelRef
    keys: Keyring


def clear(settings: Settings, catalogue: Catalogue) -> Cleared:
    """Check what the server will rely on. Imports the packages of capabilities, which may take its time.

    Raises:
        InvalidInputError: a key, a certificate, the data dir, the default model or a capability is of no use; the
            words say why.
    """
    if settings.auth_mode is AuthMode.ADMIN and settings.auth_admin_password is not None:
        check_administrator(settings.auth_admin_password.get_secret_value())
    Certificate.of(settings.http)
    _make_usable(settings.data_dir)
    _check_names(settings.model, catalogue)
    registry, default_model = capabilities(), _default_model(catalogue)
    return Cleared(registry, catalogue, default_model, open_keyring(settings))  # last: it may make a key


def require_reach(settings: Settings, nodes: int) -> None:
    """Pass if session actors on all of Ray's nodes reach the database. Raises InvalidInputError."""
    if settings.database_url is None and nodes > 1:
        message = (
            f"The Ray at RAY_ADDRESS={settings.ray_address} has {nodes} nodes, and a Postgres of the server's own is "
            "reached from its machine only: set DATABASE_URL to one that all nodes reach."
        )
        raise InvalidInputError(message, "database_out_of_reach")


def _make_usable(data_dir: Path) -> None:
    way_out = "Choose another folder with --data-dir or PERDURE_DATA_DIR."
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        why = "it is no folder" if isinstance(err, FileExistsError) else err.strerror
        message = f"{data_dir} cannot be the data dir: {why}. {way_out}"
        raise InvalidInputError(message, "data_dir_unusable") from err
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        message = f"{data_dir} cannot be the data dir: this user may not write there. {way_out}"
        raise InvalidInputError(message, "data_dir_unusable")


def _check_names(settings: ModelSettings, catalogue: Catalogue) -> None:
    for key in settings.fallback_models:
        try:
            is_known = ":" in key and catalogue.find(key) is not None
        except NotFoundError:
            is_known = False
        if not is_known:
            message = f"PERDURE_MODEL__FALLBACK_MODELS names {key}, which is no model: write <provider>:<name>."
            raise InvalidInputError(message, "fallback_model_unknown")
    unknown = sorted(settings.limits.keys() - BY_TYPE.keys())
    if unknown:
        message = f"PERDURE_MODEL__LIMITS names {unknown[0]}, which is no provider. There are {', '.join(BY_TYPE)}."
        raise InvalidInputError(message, "limited_provider_unknown")


def _default_model(catalogue: Catalogue) -> ModelRef:
    try:
        return catalogue.usable_default()
    except (NotFoundError, ModelRejectedError) as err:
        message = f"PERDURE_MODEL__DEFAULT_MODEL cannot be used, so every turn would fail. {err}"
        raise InvalidInputError(message, "default_model_unusable") from err
