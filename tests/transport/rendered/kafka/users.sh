#!/usr/bin/env bash
# Users: each password lies in $PASSWORDS/NAME. Written by `pas topics render`; run it again as often as you like.
# KAFKA_BIN: where Kafka's tools are. BOOTSTRAP: host:port. ADMIN: a properties file with an administrator's credentials.
set -euo pipefail
: "${KAFKA_BIN:?}" "${BOOTSTRAP:?}" "${ADMIN:?}"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name feed.nomis --add-config "SCRAM-SHA-512=[password=$(cat "${PASSWORDS:?}/feed.nomis")]"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name force.01 --add-config "SCRAM-SHA-512=[password=$(cat "${PASSWORDS:?}/force.01")]"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name pas --add-config "SCRAM-SHA-512=[password=$(cat "${PASSWORDS:?}/pas")]"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name pas.compartment --add-config "SCRAM-SHA-512=[password=$(cat "${PASSWORDS:?}/pas.compartment")]"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name pio.wsi --add-config "SCRAM-SHA-512=[password=$(cat "${PASSWORDS:?}/pio.wsi")]"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name security.wsi --delete-config SCRAM-SHA-512 || true
