// Express with express-rate-limit on loopback, in four processes, each with a memory store of its own.
import cluster from 'node:cluster';
import express from 'express';
import { rateLimit } from 'express-rate-limit';

const PROCESSES = 4;

function serve() {
  const app = express();
  const limiter = rateLimit({
    windowMs: 6000,
    limit: 6,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (request) => request.get('x-user') ?? 'nobody',
  });
  app.get('/items', limiter, (_request, response) => response.json({ item: 1 }));
  app.listen(18455, '127.0.0.1');
}

if (cluster.isPrimary) {
  for (let process = 0; process < PROCESSES; process += 1) cluster.fork();
} else {
  serve();
}
