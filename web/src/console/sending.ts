// A test order, signed as a shop signs (Standard Webhooks 1.0): here, and as a command to copy.
export interface TestOrder {
  id: string;
  /** As the shop numbers it. */
  number: string;
  body: string;
}

/** An order of a new buyer, now. */
export function testOrder(currency: string, totalMinor: number): TestOrder {
  const now = new Date();
  const seconds = Math.floor(now.getTime() / 1000);
  const number = `TEST-${seconds}`;
  const at = now.toISOString();
  const body = {
    type: "order.completed",
    order_id: number,
    currency,
    customer: { id: `test-buyer-${seconds}` },
    placed_at: at,
    paid_at: at,
    completed_at: at,
    lines: [{ line_id: "1", sku: "TEST-1", title: "Test", quantity: 1, list_minor: totalMinor }],
    total_minor: totalMinor,
  };
  return { id: `msg_console_${seconds}`, number, body: JSON.stringify(body) };
}

/** Send it to a connection; the status that the gateway answered. */
export async function send(url: string, secret: string, order: TestOrder): Promise<number> {
  const at = String(Math.floor(Date.now() / 1000));
  const raw = Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (each) => each.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`${order.id}.${at}.${order.body}`));
  const signature = btoa(String.fromCharCode(...new Uint8Array(signed)));
  const answer = await fetch(new URL(url).pathname, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": order.id,
      "webhook-timestamp": at,
      "webhook-signature": `v1,${signature}`,
    },
    body: order.body,
    credentials: "omit",
  });
  return answer.status;
}

/** The same as a command of a shell that has curl and openssl. */
export function command(url: string, secret: string, order: TestOrder): string {
  return [
    `secret='${secret}'`,
    `body='${order.body}'`,
    "id=msg_$(date +%s) now=$(date +%s)",
    "hex=$(printf %s \"${secret#whsec_}\" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')",
    "signature=$(printf %s \"$id.$now.$body\" |",
    "  openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$hex\" -binary | openssl base64 -A)",
    `curl -sS '${url}' -H 'content-type: application/json' \\`,
    "  -H \"webhook-id: $id\" -H \"webhook-timestamp: $now\" -H \"webhook-signature: v1,$signature\" \\",
    "  --data-binary \"$body\"",
  ].join("\n");
}
