// Signs and verifies as shops do: a question a line of JSON on stdin, its answer a line on stdout.

import { createInterface } from 'node:readline';

import '@shopify/shopify-api/adapters/node';
import { shopifyApi } from '@shopify/shopify-api';
import { createSHA256HMAC, HashFormat } from '@shopify/shopify-api/runtime';
import { Webhook } from 'standardwebhooks';

function verified(secret, headers, body) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

async function validated(secret, headers, body) {
  const shopify = shopifyApi({
    apiKey: 'key',
    apiSecretKey: secret,
    apiVersion: '2026-01',
    hostName: 'shop.example',
    isEmbeddedApp: false,
    logger: { log: () => {} },
  });
  const rawRequest = { method: 'POST', url: '/', headers };
  const { valid } = await shopify.webhooks.validate({ rawBody: body, rawRequest, rawResponse: {} });
  return valid;
}

const answers = {
  'standard-sign': ({ secret, id, seconds, body }) =>
    new Webhook(secret).sign(id, new Date(seconds * 1000), body),
  'standard-verify': ({ secret, headers, body }) => verified(secret, headers, body),
  'shopify-sign': ({ secret, body }) => createSHA256HMAC(secret, body, HashFormat.Base64),
  'shopify-verify': ({ secret, headers, body }) => validated(secret, headers, body),
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await answers[question.ask](question))}\n`);
}
