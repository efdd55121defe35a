// An API that keeps what it is sent in a volume.
const fs = require('fs');
const file = '/srv/api/data/notes';
const server = require('http').createServer((request, response) => {
  if (request.method === 'POST') {
    request.pipe(fs.createWriteStream(file)).on('finish', () => response.end('kept\n'));
  } else if (request.url === '/health') {
    response.end('ok\n');
  } else {
    response.end(fs.existsSync(file) ? fs.readFileSync(file) : 'nothing\n');
  }
});
server.listen(3000);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => server.close(() => process.exit(0)));
}
