#!/usr/bin/env bash
# Who may do what. Written by `pas topics render`; run it again as often as you like.
# KAFKA_BIN: where Kafka's tools are. BOOTSTRAP: host:port. ADMIN: a properties file with an administrator's credentials.
set -euo pipefail
: "${KAFKA_BIN:?}" "${BOOTSTRAP:?}" "${ADMIN:?}"
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --group pas-compartment --resource-pattern-type prefixed --operation Read --allow-principal User:pas.compartment
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --group pas-gateway --resource-pattern-type prefixed --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas. --resource-pattern-type prefixed --operation Describe --allow-principal User:pas --allow-principal User:pas.compartment
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas. --resource-pattern-type prefixed --operation DescribeConfigs --allow-principal User:pas --allow-principal User:pas.compartment
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.audit --resource-pattern-type literal --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.audit --resource-pattern-type literal --operation Write --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.compartment --resource-pattern-type literal --operation Read --allow-principal User:pas.compartment
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.compartment --resource-pattern-type literal --operation Write --allow-principal User:force.01 --allow-principal User:pas --allow-principal User:pio.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.deliveries. --resource-pattern-type prefixed --operation Write --allow-principal User:pas --allow-principal User:pas.compartment
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.deliveries.feed.nomis --resource-pattern-type literal --operation Read --allow-principal User:feed.nomis
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.deliveries.force.01 --resource-pattern-type literal --operation Read --allow-principal User:force.01
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.deliveries.pas --resource-pattern-type literal --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.deliveries.pio.WSI --resource-pattern-type literal --operation Read --allow-principal User:pio.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.directory --resource-pattern-type literal --operation Read --allow-principal User:feed.nomis --allow-principal User:force.01 --allow-principal User:pas --allow-principal User:pas.compartment --allow-principal User:pio.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.directory --resource-pattern-type literal --operation Write --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.movements --resource-pattern-type literal --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.movements --resource-pattern-type literal --operation Write --allow-principal User:feed.nomis --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.quarantine --resource-pattern-type literal --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.quarantine --resource-pattern-type literal --operation Write --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.replies --resource-pattern-type literal --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.replies --resource-pattern-type literal --operation Write --allow-principal User:feed.nomis --allow-principal User:force.01 --allow-principal User:pas --allow-principal User:pas.compartment --allow-principal User:pio.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.reports --resource-pattern-type literal --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.reports --resource-pattern-type literal --operation Write --allow-principal User:force.01 --allow-principal User:pas --allow-principal User:pio.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.reports.urgent --resource-pattern-type literal --operation Read --allow-principal User:pas
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --add --force --topic pas.reports.urgent --resource-pattern-type literal --operation Write --allow-principal User:force.01 --allow-principal User:pas --allow-principal User:pio.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --remove --force --topic pas.compartment --resource-pattern-type literal --operation Write --allow-principal User:security.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --remove --force --topic pas.deliveries.security.WSI --resource-pattern-type literal --operation Read --allow-principal User:security.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --remove --force --topic pas.directory --resource-pattern-type literal --operation Read --allow-principal User:security.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --remove --force --topic pas.replies --resource-pattern-type literal --operation Write --allow-principal User:security.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --remove --force --topic pas.reports --resource-pattern-type literal --operation Write --allow-principal User:security.wsi
"$KAFKA_BIN"/kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --remove --force --topic pas.reports.urgent --resource-pattern-type literal --operation Write --allow-principal User:security.wsi
