import { runService } from '@tessera/service';
import { startWorker } from './worker.js';

await runService({ name: 'worker', needsRedis: true }, startWorker);
