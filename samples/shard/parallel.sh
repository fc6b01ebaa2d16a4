#!/bin/sh
# parallel.sh SHEET PARTS [OPTION...]: runs SHEET in PARTS parts at once with GNU parallel and joins their results.
#
# All parts run at once, however many processors there are: a part that waited would leave its share of the rate
# unused. With one key the parts share its rate: each takes its Nth of --rate by itself, so nothing is gained but on a
# server without a limit. With a key for each part in KEYS/1, KEYS/2, … (mode 0600 each) every part has a whole rate;
# the API also counts 1,500 requests a minute for each address, which is three keys' worth from one machine.
#
#   KEYS=/etc/connload/keys ./parallel.sh huge.csv 3       # each --shard takes its share of --rate: 3 times 500/m
#
# The same command again goes on with parts that were interrupted, and creates nothing that is there already. A result
# file of the whole sheet that was not joined from the parts' is not replaced.
set -eu

if [ $# -lt 2 ]; then
    echo 'usage: parallel.sh SHEET.csv PARTS [OPTION...]' >&2
    exit 2
fi
sheet=$1
parts=$2
shift 2
case $parts in
'' | 0* | *[!0-9]*)
    echo "parallel.sh: PARTS is a number from 1 on, not \"$parts\"" >&2
    exit 2
    ;;
esac

# Results of the parts in order are the results of the whole; each begins with the header, whose names may hold line
# breaks in quotes, perhaps behind a line `sep=;`.
header_lines() {
    awk 'NR == 1 && /sep=."?\r?$/ { next } { quotes += gsub(/"/, "") } quotes % 2 == 0 { print NR; exit }' "$1"
}
join_parts() {
    cat "${sheet%.csv}.1-of-$parts.results.csv"
    for part in $(seq 2 "$parts"); do
        file=${sheet%.csv}.$part-of-$parts.results.csv
        tail -n "+$(($(header_lines "$file") + 1))" "$file"
    done
}
whole=${sheet%.csv}.results.csv
if [ -e "$whole" ] && ! join_parts 2>/dev/null | cmp -s - "$whole"; then
    echo "parallel.sh: $whole exists and is not what these parts would replace; move it away" >&2
    exit 2
fi

set -- --skip-existing "$@"
if [ -n "${KEYS:-}" ]; then
    set -- --rate "$((500 * parts))/m" --api-key-file "$KEYS/{}" "$@"
fi
code=0
seq "$parts" |
    parallel --jobs "$parts" --quote --line-buffer connload create -q --shard "{}/$parts" "$@" "$sheet" || code=1

umask 077
join_parts >"$whole.tmp"
mv "$whole.tmp" "$whole"
echo "$whole"
exit "$code"
