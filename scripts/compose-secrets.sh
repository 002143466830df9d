#!/bin/bash
# usage: compose-secrets.sh [FOLDER]
# Makes the secrets of docker-compose.yml, each in a file of its own; what is there already stays.
#
# The folder (secrets/) is closed to others. The files can be read by anybody who gets into it: the
# containers' users are not those of this machine, and compose mounts files as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-secrets}
mkdir -p "$folder"
chmod 0700 "$folder"

# secret [BYTES]: as digits of base 16.
secret() { head --bytes="${1:-24}" /dev/urandom | od --address-radix=n --format=x1 | tr -d ' \n'; }

write() { # NAME: standard input, unless the file is there
    if [ -e "$folder/$1" ]; then cat >/dev/null; else (umask 022 && cat >"$folder/$1"); fi
}

secret | write postgres_password
secret | write audit_key
secret | write redis_password
for role in scp api worker control; do
    secret | write "password_$role"
    password=$(<"$folder/password_$role")
    printf 'postgresql://mediview_%s:%s@postgres/mediview' "$role" "$password" | write "database_url_$role"
done
printf 'postgresql://mediview:%s@postgres/mediview' "$(<"$folder/postgres_password")" | write database_url_owner
for role in scp api worker control; do
    printf "CREATE ROLE mediview_%s LOGIN PASSWORD '%s';\n" "$role" "$(<"$folder/password_$role")"
done | write postgres_accounts.sql
# Messages alone: nothing that reads or changes the server itself.
printf 'user default off\nuser mediview on >%s ~* &* +@all -@admin -@dangerous +info +keys\n' \
    "$(<"$folder/redis_password")" | write redis_users.acl
printf 'redis://mediview:%s@redis:6379/0' "$(<"$folder/redis_password")" | write broker_url
# The key of the bucket, in the form of Garage's own.
printf 'GK%s' "$(secret 12)" | write s3_access_key_id
secret 32 | write s3_secret_access_key
# Garage reads these from its environment alone.
printf 'GARAGE_DEFAULT_ACCESS_KEY=%s\nGARAGE_DEFAULT_SECRET_KEY=%s\nGARAGE_RPC_SECRET=%s\n' \
    "$(<"$folder/s3_access_key_id")" "$(<"$folder/s3_secret_access_key")" "$(secret 32)" | write garage.env
echo "The secrets are in $folder."
