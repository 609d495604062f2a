#!/bin/sh
# Makes what compose.yaml runs on, once: PAS's example workspace, that of one office with the keys of that office alone, and the register's password.
# Usage: example.sh PAS_WORKSPACE OFFICE_WORKSPACE OFFICE PASSWORD_FILE BOOTSTRAP
set -eu
pas_workspace=$1 office_workspace=$2 office=$3 password=$4 bootstrap=$5

if [ ! -f "$pas_workspace/pas.toml" ]; then
  pas init "$pas_workspace" --transport kafka --bootstrap "$bootstrap"
fi

if [ ! -d "$office_workspace" ]; then
  draft="$office_workspace.draft"
  rm -rf "$draft"
  mkdir -p "$draft/keys"
  for name in pas.toml directory directory.seen rulebook.toml text_rules.csv clock.json; do
    if [ -e "$pas_workspace/$name" ]; then cp -R "$pas_workspace/$name" "$draft/"; fi
  done
  folder=$(printf %s "$office" | tr : .)
  cp -R -p "$pas_workspace/keys/$folder" "$draft/keys/"
  chmod 700 "$draft/keys"
  mv "$draft" "$office_workspace"
fi

if [ ! -f "$password" ]; then
  # PostgreSQL's server and the gateway read it as two different users; nothing else mounts its volume.
  od -An -N 32 -tx1 /dev/urandom | tr -d ' \n' > "$password.draft"
  chmod 444 "$password.draft"
  mv "$password.draft" "$password"
fi
