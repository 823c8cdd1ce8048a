import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobStore } from '@tessera/blob-store';
import { parseConfig } from '@tessera/contracts';
import { openJobQueues } from '@tessera/queue';
import { pino } from 'pino';
import { createGateway } from './app.js';
import { generatedFiles, writeGenerated } from './reference/generated-files.js';

/** `npm run docs`: writes the OpenAPI document and the reference pages from the contracts and the routes. */
const directory = await mkdtemp(join(tmpdir(), 'tessera-docs-'));
const onError = (error: Error) => {
  throw error;
};
const config = parseConfig({ DATA_DIR: directory });
const queues = await openJobQueues(config, onError);
const blobs = await openBlobStore(config, onError);
const app = await createGateway({ config, ...queues, blobs, logger: pino({ level: 'silent' }) });
try {
  await app.ready();
  for (const file of generatedFiles(app.swagger())) {
    await writeGenerated(file);
    process.stdout.write(`${file.path}\n`);
  }
} finally {
  await app.close();
  await Promise.all([queues.close(), blobs.close()]);
  await rm(directory, { recursive: true });
}
