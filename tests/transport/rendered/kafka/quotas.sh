#!/usr/bin/env bash
# How fast each may write and read. Written by `pas topics render`; run it again as often as you like.
# KAFKA_BIN: where Kafka's tools are. BOOTSTRAP: host:port. ADMIN: a properties file with an administrator's credentials.
set -euo pipefail
: "${KAFKA_BIN:?}" "${BOOTSTRAP:?}" "${ADMIN:?}"
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name feed.nomis --add-config producer_byte_rate=4194304,consumer_byte_rate=16777216
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name force.01 --add-config producer_byte_rate=4194304,consumer_byte_rate=16777216
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name pio.wsi --add-config producer_byte_rate=4194304,consumer_byte_rate=16777216
"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name security.wsi --delete-config producer_byte_rate,consumer_byte_rate || true
