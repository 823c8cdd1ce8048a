/** `npm run bench:pages`: writes the pages of the studies anew, from the results that were kept. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@tessera/evaluation';
import { gpuPage } from './gpu-page.js';
import { readResult, studies } from './study-result.js';
import { publish } from './write-page.js';

for (const study of studies) await publish(study, await readResult(study));
await writeFile(join(repositoryRoot, 'docs/reference/gpu-benchmark.md'), await gpuPage());
