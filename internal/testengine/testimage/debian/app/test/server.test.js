'use strict';

const assert = require('node:assert');
const http = require('node:http');
const test = require('node:test');
const createServer = require('../server.js');

// get answers with the status and the body.
function get(url) {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    }).on('error', reject);
  });
}

test('the API answers on port 3000', async () => {
  const server = createServer();
  await new Promise((resolve) => { server.listen(3000, resolve); });
  try {
    assert.deepStrictEqual(await get('http://127.0.0.1:3000/health'), { status: 200, body: '{"status":"ok"}' });
    assert.strictEqual((await get('http://127.0.0.1:3000/other')).status, 404);
  } finally {
    await new Promise((resolve) => { server.close(resolve); });
  }
});
