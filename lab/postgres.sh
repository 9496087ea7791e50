#!/usr/bin/env bash
# A PostgreSQL server for tests, on a unix socket in a folder, and on nothing else.
#
#   lab/postgres.sh start DIR     makes it, starts it, prints its connection string (for ABPRALL_TEST_POSTGRES)
#   lab/postgres.sh crash DIR     kills it as a power cut would and starts it again
#   lab/postgres.sh stop DIR      stops it
#   lab/postgres.sh again DIR     starts one that was stopped
#   lab/postgres.sh tls DIR PORT  starts it again, at 127.0.0.1:PORT as well, where it wants TLS: as localhost, by the authority DIR/ca.pem.
#                                 The role `secret` has the password `secret`, `known` has DIR/known.pem and DIR/known.key.
#
# DIR should be short: the path of a socket has at most 107 bytes. PostgreSQL refuses to run as root: then it runs as `postgres`, the
# user that Debian's package makes.
set -euo pipefail
action=${1:?start, crash, stop, again or tls} dir=$(readlink -m "${2:?a folder}")
bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
[ -x "$bin/postgres" ] || { echo "postgres.sh: PostgreSQL is not installed (Debian: postgresql)" >&2; exit 3; }
# The server keeps the places of its files: the folder of the caller may be closed to its user.
as_server() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
control() { as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -s "$@"; }

case $action in
start)
  mkdir -p "$dir"
  chmod 755 "$dir"
  [ "$(id -u)" != 0 ] || chown postgres "$dir"
  as_server "$bin/initdb" -D "$dir/data" -U abprall -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log"
  # Nothing of a test needs more than what was committed to survive a crash of the server: that is the default.
  as_server tee -a "$dir/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 200
CONF
  control start
  echo "host=$dir user=abprall dbname=postgres"
  ;;
crash) control -m immediate stop && control start ;;
stop) control -m immediate stop ;;
again) control start ;;
tls)
  port=${3:?a port}
  as_server bash -euc '
    cd "$1"
    request() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -subj "/CN=$1" "${@:2}" 2>>log; }
    request ca -x509 -days 2 -out ca.pem -addext keyUsage=keyCertSign
    for name in localhost known; do
      request $name -out $name.csr
      printf "subjectAltName=DNS:%s\n" $name |
        openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -days 2 -out $name.pem -extfile /dev/stdin 2>>log
    done
    printf "%s\n" "hostssl all secret all scram-sha-256" "hostssl all known all cert" "hostssl all all all trust" \
      "local all all trust" >data/pg_hba.conf
    printf "%s\n" "ssl = on" "ssl_ca_file = '"'"'$1/ca.pem'"'"'" "ssl_cert_file = '"'"'$1/localhost.pem'"'"'" \
      "ssl_key_file = '"'"'$1/localhost.key'"'"'" "listen_addresses = '"'"'127.0.0.1'"'"'" "port = $2" >>data/postgresql.conf' tls "$dir" "$port"
  [ "$(id -u)" != 0 ] || chown "$(id -u)" "$dir/known.key" "$dir/ca.pem"
  control restart
  as_server "$bin/psql" -q -h "$dir" -p "$port" -U abprall postgres \
    -c "CREATE ROLE secret LOGIN SUPERUSER PASSWORD 'secret'; CREATE ROLE known LOGIN SUPERUSER"
  ;;
*) echo "postgres.sh: start, crash, stop, again or tls" >&2; exit 3 ;;
esac
