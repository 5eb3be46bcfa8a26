#!/usr/bin/env bash
# MariaDB with Bookinfo's ratings: database.sh start | stop. Run it on the machine.
set -euo pipefail
data=/var/lib/mysql
case ${1:-} in
start)
    if [ ! -e $data ]; then
        install -d -o nobody -g nogroup -m 0700 $data
        mariadb-install-db --no-defaults --user=nobody --datadir=$data --skip-test-db >/dev/null
        cat >$data/ratings.sql <<'SQL'
CREATE DATABASE IF NOT EXISTS bookinfo;
CREATE TABLE IF NOT EXISTS bookinfo.ratings (book VARCHAR(8), reviewer VARCHAR(64), stars TINYINT NOT NULL, PRIMARY KEY (book, reviewer));
INSERT IGNORE INTO bookinfo.ratings VALUES ('0', 'Agathon', 1), ('0', 'Xanthippe', 2), ('1', 'Agathon', 3), ('1', 'Xanthippe', 4);
CREATE USER IF NOT EXISTS bookinfo IDENTIFIED BY 'bookinfo';
GRANT SELECT, INSERT, DELETE, UPDATE ON bookinfo.* TO bookinfo;
SQL
    fi
    mariadbd --no-defaults --user=nobody --datadir=$data --socket=$data/socket --pid-file=$data/pid --port=3306 --bind-address=0.0.0.0 \
        --skip-name-resolve --innodb-buffer-pool-size=16M --key-buffer-size=1M --aria-pagecache-buffer-size=1M \
        --init-file=$data/ratings.sql >$data/log 2>&1 &
    for _ in $(seq 200); do
        if mariadb --no-defaults --socket=$data/socket -u bookinfo -pbookinfo bookinfo -e 'SELECT 1' >/dev/null 2>&1; then
            echo "the database is up"
            exit
        fi
        sleep 0.1
    done
    tail $data/log >&2
    exit 1
    ;;
stop)
    kill "$(cat $data/pid)"
    while [ -e $data/pid ]; do sleep 0.05; done
    echo "the database is down"
    ;;
*)
    echo "usage: database.sh start | stop" >&2
    exit 2
    ;;
esac
