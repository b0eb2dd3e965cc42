// Express with express-rate-limit and its own memory store, on loopback.
import express from 'express';
import { rateLimit } from 'express-rate-limit';

const app = express();
const limiter = rateLimit({
  windowMs: 3000,
  limit: 12,
  standardHeaders: 'draft-8',
  legacyHeaders: false,
  keyGenerator: (request) => request.get('x-user') ?? 'nobody',
});
app.get('/items', limiter, (_request, response) => response.json({ item: 1 }));
app.listen(18453, '127.0.0.1');
