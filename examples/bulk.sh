#!/bin/sh
# Sends many events under one signature: up to 5,000 in a file like examples/bulk.json.
#
#   examples/bulk.sh CONNECTION SECRET FILE [GATEWAY]
#
# What is sent again is told as a duplicate; what is wrong is told by its place in the list.
set -eu

if [ $# -lt 3 ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
connection=$1 secret=$2 file=$3 gateway=${4:-http://127.0.0.1:8000}
now=$(date +%s)
id=msg_bulk_$now
hex=$(printf %s "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$({ printf %s "$id.$now."; cat "$file"; } |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hex" -binary | openssl base64 -A)
curl -sS --fail-with-body "$gateway/webhooks/$connection/bulk" \
    -H 'content-type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $now" \
    -H "webhook-signature: v1,$signature" --data-binary "@$file"
echo
