import { join } from 'node:path';
import { repositoryRoot } from '@tessera/evaluation';
import { startService } from '../speed/service.js';
import { streetScene } from './street-scene.js';
import { drawTokenMap } from './token-map-picture.js';

/** `npm run docs:picture`: draws a street, asks the embedded server about it, and draws the token map of the answer. */
const output = join(repositoryRoot, 'docs/images/token-map.png');

const service = await startService(repositoryRoot);
try {
  await drawTokenMap(service.url, await streetScene(), output);
  console.log(output);
} finally {
  await service.stop();
}
