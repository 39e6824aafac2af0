#!/bin/sh
# Sends one signed order to Shuke and asks for the buyer's points, with curl and openssl alone.
#
#   examples/order.sh CONNECTION SECRET API_KEY [GATEWAY]
#
# CONNECTION whk_…, its SECRET whsec_… and the API_KEY sk_… (members.read, points.read) are shown
# once when they are made; those of the demo are in var/keys/demo.json. GATEWAY is
# http://127.0.0.1:8000 by default. CURRENCY (USD) must be the program's.
set -eu

if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
connection=$1 secret=$2 key=$3 gateway=${4:-http://127.0.0.1:8000}
now=$(date +%s)
at=$(date -u +%Y-%m-%dT%H:%M:%S).000Z
id=msg_example_$now

# One order of a new buyer: 120.00, amounts in cents.
body='{"type": "order.completed", "order_id": "EX-'$now'", "currency": "'${CURRENCY:-USD}'",
 "customer": {"id": "buyer-'$now'"},
 "placed_at": "'$at'", "paid_at": "'$at'", "completed_at": "'$at'",
 "lines": [{"line_id": "1", "sku": "MUG-1", "title": "Mug", "quantity": 2, "list_minor": 12000}],
 "total_minor": 12000}'

# Standard Webhooks: base64 of HMAC-SHA256 over `id.timestamp.body`; the key is the secret's base64.
hex=$(printf %s "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$now.$body" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hex" -binary | openssl base64 -A)

echo "POST $gateway/webhooks/$connection"
curl -sS --fail-with-body "$gateway/webhooks/$connection" \
    -H 'content-type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $now" \
    -H "webhook-signature: v1,$signature" --data-binary "$body"
echo

ask() { # a path behind /api
    curl -sS --fail-with-body -H "authorization: Bearer $key" "$gateway/api$1"
}

# The buyer's first order makes a member from that instant on: look for who joined then.
find_member() {
    token=
    while :; do
        page=$(ask "/members/v1/members?page_size=100$token")
        found=$(printf %s "$page" | tr '{' '\n' | grep -F "\"effective_from\":\"$at\"" |
            sed -n 's/.*"member_id":"\([^"]*\)".*/\1/p' | head -n 1)
        next=$(printf %s "$page" | sed -n 's/.*"next_page_token":"\([^"]*\)".*/\1/p')
        if [ -n "$found" ] || [ -z "$next" ]; then
            break
        fi
        token="&page_token=$next"
    done
    printf %s "$found"
}

tries=0
member=$(find_member)
until [ -n "$member" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ]; then
        echo "nobody joined: the program has no route auto-first-order" >&2
        exit 1
    fi
    sleep 0.2
    member=$(find_member)
done

# Points hears of the member a moment later than members: until then the answer is 404.
balance_of() {
    ask "/points/v1/members/$member/balance" 2>/dev/null || true
}

echo "GET $gateway/api/points/v1/members/$member/balance"
balance=$(balance_of)
until printf %s "$balance" | grep -q '"balance":120[,}]'; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ]; then
        echo "$balance"
        echo "no 120 points: the program's rules give something else for 120.00" >&2
        exit 1
    fi
    sleep 0.2
    balance=$(balance_of)
done
echo "$balance"
