import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileBlobStore } from '@tessera/blob-store';
import { jobQueueName, parseConfig, trainingQueueName, type TrainVocabularyJob } from '@tessera/contracts';
import { createJobQueue } from '@tessera/queue';
import { pino } from 'pino';
import { createGateway } from './app.js';
import { generatedFiles, writeGenerated } from './reference/generated-files.js';

/** `npm run docs`: writes the OpenAPI document and the reference pages from the contracts and the routes. */
const directory = await mkdtemp(join(tmpdir(), 'tessera-docs-'));
const onError = (error: Error) => {
  throw error;
};
const connection = { kind: 'embedded', directory: join(directory, 'queue') } as const;
const queue = await createJobQueue({ name: jobQueueName, connection, onError });
const trainings = await createJobQueue<TrainVocabularyJob>({ name: trainingQueueName, connection, onError });
const blobs = await openFileBlobStore({ directory: join(directory, 'blobs'), onError });
const app = await createGateway({
  config: parseConfig({}),
  queue,
  trainings,
  blobs,
  logger: pino({ level: 'silent' }),
});
try {
  await app.ready();
  for (const file of generatedFiles(app.swagger())) {
    await writeGenerated(file);
    process.stdout.write(`${file.path}\n`);
  }
} finally {
  await app.close();
  await Promise.all([queue.close(), trainings.close(), blobs.close()]);
  await rm(directory, { recursive: true });
}
