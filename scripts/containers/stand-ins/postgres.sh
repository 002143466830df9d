#!/bin/bash
# As the entry point of the published image: what the environment names is made at the first start.
set -euo pipefail
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
export PGDATA=/var/lib/postgresql/data PGUSER=$POSTGRES_USER
if [ "$(id -u)" = 0 ]; then
    install -d -o postgres -g postgres -m 0700 "$PGDATA"
    install -d -o postgres -g postgres /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --silent --wait --options="-c listen_addresses=''" start
    createdb "$POSTGRES_DB"
    for file in /docker-entrypoint-initdb.d/*.sql; do
        psql --quiet --set=ON_ERROR_STOP=1 --dbname="$POSTGRES_DB" --file="$file"
    done
    pg_ctl --silent --wait stop
fi
exec postgres -c listen_addresses='*'
