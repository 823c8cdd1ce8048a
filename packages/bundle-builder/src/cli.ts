import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseConfig } from '@tessera/contracts';
import { buildBaselineBundle } from './baseline/build-baseline-bundle.js';
import { isUpToDate, writeBundle } from './bundle-directory.js';
import { builderFingerprint } from './fingerprint.js';

const { MODELS_DIR: modelsDirectory } = parseConfig(process.env);
const directory = join(modelsDirectory, 'tessera-baseline');
const fingerprint = await builderFingerprint();

if (await isUpToDate(directory, fingerprint)) {
  console.log(`${directory} is up to date`);
} else {
  console.log(`building ${directory} from the installed weight packages …`);
  const startedAt = performance.now();
  await mkdir(modelsDirectory, { recursive: true });
  await writeBundle(directory, fingerprint, await buildBaselineBundle());
  console.log(`${directory} built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
