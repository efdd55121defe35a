'use strict';

const http = require('node:http');

// A small API of the kind that people profile: it needs no capability.
module.exports = function createServer() {
  return http.createServer((request, response) => {
    if (request.url !== '/health') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: 'ok' }));
  });
};

if (require.main === module) {
  module.exports().listen(3000);
}
