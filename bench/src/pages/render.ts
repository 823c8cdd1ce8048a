/** `npm run bench:pages`: writes the pages of the studies anew, from the results that were kept. */
import { readResult, studies } from './study-result.js';
import { publish } from './write-page.js';

for (const study of studies) await publish(study, await readResult(study));
