#!/bin/sh
# Make the secrets that compose.yml mounts, one file each in docker/secrets. Files that are there stay as they are.
# Only their owner can enter the folder. The files themselves can be read by all, since the containers' users are others.
set -eu
cd "$(dirname -- "$0")"
umask 022
mkdir -p -m 700 secrets

keep() {
  [ -e "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"
}
random() {
  od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'
}

keep secret_key "$(head -c 32 /dev/urandom | base64)"
keep postgres_password "$(random)"
keep database_password "$(random)"
keep redis_password "$(random)"
keep grafana_password "$(random)"
keep database_url "postgresql://tellgraph:$(cat secrets/database_password)@postgres:5432/tellgraph"
keep redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
echo "the secrets are in $PWD/secrets: keep a copy, above all of secret_key, which encrypts what is stored"
