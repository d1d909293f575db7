#!/usr/bin/env bash
# Database servers for tests, in a directory of their own, on free ports of 127.0.0.1:
#
#   eval "$(servers.sh start DIR)"   start both and set their addresses
#   servers.sh stop DIR              stop them; DIR can be removed then
#
#   servers.sh start DIR postgres    only one of them (postgres or mysql)
#   servers.sh stop  DIR mysql
#   servers.sh kill  DIR postgres    end it as a power cut would (SIGKILL)
#
# A server that was stopped or killed starts again with its data, port and password.
# What was committed survives a kill, but not a crash of the machine: they do not wait
# for the disk.
#
# Both speak TLS with a certificate for 127.0.0.1 and localhost, signed by DIR/ca.pem.
# Their time zone is an odd one, so that a reader that relies on it is found out.
set -euo pipefail

usage() { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
note() { echo "servers.sh: $*" >&2; }
fail() { note "$*"; exit 1; }

# as_server USER COMMAND...: the servers refuse to run as root.
as_server() {
    local user=$1
    shift
    if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

# account_of SERVER prints the account that a server runs under.
account_of() {
    if [ "$(id -u)" != 0 ]; then id -un; return; fi
    local name
    for name in "$@" nobody; do
        if id -u "$name" >/dev/null 2>&1; then echo "$name"; return; fi
    done
}

# tool NAME FOLDER... prints the path of a program, the last folder that has it first.
tool() {
    local name=$1 folder found=""
    shift
    for folder in "$@"; do [ ! -x "$folder/$name" ] || found=$folder/$name; done
    [ -n "$found" ] || found=$(command -v "$name") || fail "$name is missing: install the Debian packages postgresql and mariadb-server"
    echo "$found"
}

pg_tool() { tool "$1" $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V); }
maria_tool() { tool "$1" /usr/libexec /usr/sbin /usr/bin; }

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port prints one below the range that the kernel gives to outgoing connections.
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((15000 + (RANDOM * 32768 + RANDOM) % 17000))
        if ! listens $port; then echo $port; return; fi
    done
    fail "no free port found"
}

# prepare makes the directory, passwords and certificates, once.
prepare() {
    mkdir -p "$dir"
    chmod go+x "$dir"
    [ ! -f "$dir/ca.pem" ] || return 0
    local tls=$dir/tls
    rm -rf "$tls"
    mkdir "$tls"
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=mainstay test CA" \
        -addext "basicConstraints=critical,CA:TRUE" -keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$tls/server.key" -out "$tls/server.csr" 2>/dev/null
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n' > "$tls/server.ext"
    openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 3650 \
        -extfile "$tls/server.ext" -out "$tls/server.pem" 2>/dev/null
    rm "$tls/ca.key"
    cp "$tls/ca.pem" "$dir/ca.pem"
}

# begin SERVER ACCOUNT makes a server's folder with its key, port and password.
begin() {
    local home=$dir/$1 account=$2
    rm -rf "$home"
    mkdir "$home"
    openssl rand -hex 16 > "$home/password"
    cp "$dir/tls/server.pem" "$dir/tls/server.key" "$dir/ca.pem" "$home/"
    chmod 600 "$home/password" "$home/server.key"
    [ "$(id -u)" != 0 ] || chown -R "$account" "$home"
    as_server "$account" test -r "$home/password" ||
        fail "user $account cannot reach $home: choose a directory whose parents let everybody through (chmod o+x)"
}

# run SERVER ACCOUNT COMMAND...: quietly, with the log on failure.
run() {
    local log=$dir/$1.log account=$2
    shift 2
    if ! (cd / && as_server "$account" "$@") </dev/null >>"$log" 2>&1; then
        note "$(basename "$1") failed; $log says:"
        tail -n 40 "$log" >&2
        return 1
    fi
}

start_postgres() {
    local home=$dir/postgres account
    account=$(account_of postgres)
    if [ ! -f "$home/port" ]; then
        begin postgres "$account"
        run postgres "$account" "$(pg_tool initdb)" -D "$home/data" -U postgres --auth=scram-sha-256 --pwfile="$home/password" \
            --no-sync -E UTF8 --locale=C
        free_port > "$home/port"
        as_server "$account" tee -a "$home/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
max_prepared_transactions = 20
shared_buffers = 48MB
dynamic_shared_memory_type = mmap
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
ssl = on
ssl_cert_file = '$home/server.pem'
ssl_key_file = '$home/server.key'
timezone = 'Asia/Kolkata'
log_timezone = 'UTC'
CONF
    fi
    if ! alive postgres; then
        rm -f "$home/data/postmaster.pid" # of a dead server whose number a zombie or a stranger has
        run postgres "$account" "$(pg_tool pg_ctl)" -D "$home/data" -l "$home/server.log" -w -t 120 -o "-p $(cat "$home/port")" start ||
            { tail -n 40 "$home/server.log" >&2; return 1; }
    fi
    echo "export MAINSTAY_TEST_POSTGRES='postgres://postgres:$(cat "$home/password")@127.0.0.1:$(cat "$home/port")/postgres?sslmode=disable'"
}

start_mysql() {
    local home=$dir/mysql account pid
    account=$(account_of mysql postgres)
    if [ ! -f "$home/port" ]; then
        begin mysql "$account"
        run mysql "$account" "$(maria_tool mariadb-install-db)" --no-defaults --datadir="$home/data" --tmpdir=/tmp \
            --auth-root-authentication-method=normal --skip-test-db --innodb-use-native-aio=0
        # The server runs this file at every start.
        cat > "$home/init.sql" <<SQL
CREATE OR REPLACE USER admin@'%' IDENTIFIED BY '$(cat "$home/password")';
GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;
DELETE FROM mysql.global_priv WHERE User = 'root';
FLUSH PRIVILEGES;
SQL
        chmod 600 "$home/init.sql"
        [ "$(id -u)" != 0 ] || chown "$account" "$home/init.sql"
        free_port > "$home/port"
    fi
    if ! alive mysql; then
        (cd / && as_server "$account" setsid "$(maria_tool mariadbd)" --no-defaults --datadir="$home/data" --tmpdir="$home/data" \
            --socket=server.sock --pid-file="$home/data/server.pid" --bind-address=127.0.0.1 --port="$(cat "$home/port")" --skip-name-resolve \
            --init-file="$home/init.sql" --ssl-ca="$home/ca.pem" --ssl-cert="$home/server.pem" --ssl-key="$home/server.key" \
            --innodb-buffer-pool-size=96M --innodb-log-file-size=64M --innodb-use-native-aio=0 --innodb-flush-log-at-trx-commit=2 \
            --innodb-flush-method=nosync --innodb-doublewrite=0 --debug-no-sync --skip-log-bin --performance-schema=OFF \
            --max-connections=100 --max-allowed-packet=64M --character-set-server=utf8mb4 --local-infile=1 --default-time-zone=+05:30) \
            </dev/null >>"$dir/mysql.log" 2>&1 &
        pid=$!
        for _ in $(seq 1200); do
            if alive mysql && listens "$(cat "$home/port")"; then break; fi
            if ! kill -0 $pid 2>/dev/null && ! alive mysql; then break; fi
            sleep 0.1
        done
        if ! alive mysql; then
            note "mariadbd did not start; $dir/mysql.log says:"
            tail -n 40 "$dir/mysql.log" >&2
            return 1
        fi
    fi
    echo "export MAINSTAY_TEST_MYSQL='mysql://admin:$(cat "$home/password")@127.0.0.1:$(cat "$home/port")/mysql?tls=false'"
}

# pid_of SERVER prints the process of a running server, nothing when there is none.
# The command line tells it from a stranger who got the number of a dead one.
pid_of() {
    local file=$dir/$1/data/server.pid pid
    [ "$1" = mysql ] || file=$dir/$1/data/postmaster.pid
    pid=$(head -n 1 "$file" 2>/dev/null) || return 0
    if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -qF "$dir/$1/data"; then echo "$pid"; fi
}

alive() { [ -n "$(pid_of "$1")" ]; }

# gone PID...: waits until the processes have ended.
gone() {
    local pid
    for pid in "$@"; do
        for _ in $(seq 600); do
            [ -d "/proc/$pid" ] && ! grep -qs '^State:.*Z' "/proc/$pid/status" || continue 2
            sleep 0.1
        done
        return 1
    done
}

# end SERVER SIGNAL ends a server and whatever it has started.
end() {
    local pid children=""
    pid=$(pid_of "$1")
    [ -n "$pid" ] || return 0
    if [ "$2" = KILL ]; then
        children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
    fi
    kill -"$2" $pid $children 2>/dev/null || true
    gone $pid $children || fail "$1 (process $pid) does not end"
}

[ $# -ge 2 ] || usage
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
shift 2
[ $# -gt 0 ] || set -- postgres mysql
for server in "$@"; do
    case $action-$server in
    start-postgres | start-mysql | stop-postgres | stop-mysql | kill-postgres | kill-mysql) ;;
    *) usage ;;
    esac
done
case $action in
start)
    prepare
    for server in "$@"; do
        "start_$server" || {
            for other in "$@"; do end "$other" KILL; done
            fail "starting $server failed"
        }
    done
    echo "export MAINSTAY_TEST_SERVERS='$dir'"
    ;;
stop) for server in "$@"; do if [ "$server" = mysql ]; then end mysql TERM; else end postgres INT; fi; done ;;
kill) for server in "$@"; do end "$server" KILL; done ;;
esac
