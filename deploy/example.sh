#!/bin/sh
# Makes what compose.yaml runs on, once: PAS's example workspace, that of one office with the keys of that office alone, the register's password,
# and what Kafka needs to be guarded: certificates, its administrator's password, and the office's own.
# Usage: example.sh PAS_WORKSPACE OFFICE_WORKSPACE OFFICE PASSWORD_FILE GUARD_FOLDER ADMIN_PASSWORD_FILE BOOTSTRAP
set -eu
pas_workspace=$1 office_workspace=$2 office=$3 password=$4 guard=$5 admin=$6 bootstrap=$7

make_password() {
  od -An -N 32 -tx1 /dev/urandom | tr -d ' \n' > "$1.draft"
  chmod "$2" "$1.draft"
  mv "$1.draft" "$1"
}

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
  # `pas topics apply` makes each user's password where there is none: this one the office has to have too.
  user=$(printf %s "$folder" | tr '[:upper:]' '[:lower:]')
  mkdir -p "$pas_workspace/kafka-users" "$draft/kafka-users"
  chmod 700 "$pas_workspace/kafka-users" "$draft/kafka-users"
  if [ ! -f "$pas_workspace/kafka-users/$user" ]; then make_password "$pas_workspace/kafka-users/$user" 600; fi
  cp -p "$pas_workspace/kafka-users/$user" "$draft/kafka-users/$user"
  mv "$draft" "$office_workspace"
fi

if [ ! -f "$password" ]; then
  # PostgreSQL's server and the gateway read it as two different users; nothing else mounts its volume.
  make_password "$password" 444
fi

python "$(dirname "$0")/kafka/guarded_node.py" "$guard" "$admin" "$pas_workspace/authority.pem" "$bootstrap"
cp "$pas_workspace/authority.pem" "$office_workspace/authority.pem"
