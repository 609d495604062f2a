"""How commands of PAS open the register: only with PAS's keys at hand, and never an empty one by mistake."""

from __future__ import annotations

from pas_gateway.positions import refuse_other_keys
from pas_gateway.realm import realm_of
from pas_gateway.register import Store, open_store
from pas_schemas.directory import PAS
from pas_schemas.errors import RegisterError
from pas_schemas.sealing import StoreKey
from pas_transport.session import Session


def open_register(session: Session) -> tuple[Store, StoreKey]:
    """The workspace's register and its key.

    KeyringError where PAS's keys are not here, or those of another register; RegisterError where no gateway has run.
    """
    keyring, realm = session.workspace.keyring(PAS), realm_of(session.workspace)
    key = keyring.register_key(realm.register)
    store = open_store(session.workspace.register_url)
    if not store.exists():
        run = "pas gateway run --compartment" if session.apart else "pas gateway run"
        raise RegisterError("There is no register yet.", f"run `{run} --until-idle` first")
    store.migrate()
    refuse_other_keys(store, keyring, realm)
    return store, key
