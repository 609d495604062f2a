#!/usr/bin/env bash
# Users: each password lies in $PASSWORDS/NAME. Written by `pas topics render`; run it again as often as you like.
# KAFKA_BIN: where Kafka's tools are. BOOTSTRAP: host:port. ADMIN: a properties file with an administrator's credentials.
set -euo pipefail
: "${KAFKA_BIN:?}" "${BOOTSTRAP:?}" "${ADMIN:?}"
: "${PASSWORDS:?}"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name feed.nomis --add-config-file <(printf 'SCRAM-SHA-512=password=%s' "$(cat "$PASSWORDS/feed.nomis")")
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name force.01 --add-config-file <(printf 'SCRAM-SHA-512=password=%s' "$(cat "$PASSWORDS/force.01")")
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name pas --add-config-file <(printf 'SCRAM-SHA-512=password=%s' "$(cat "$PASSWORDS/pas")")
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name pas.compartment --add-config-file <(printf 'SCRAM-SHA-512=password=%s' "$(cat "$PASSWORDS/pas.compartment")")
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name pio.wsi --add-config-file <(printf 'SCRAM-SHA-512=password=%s' "$(cat "$PASSWORDS/pio.wsi")")
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name security.wsi --delete-config SCRAM-SHA-512 || true
