/** Writes `bench/queries/{train,val}.json` from the shared COCO annotations and our phrases: `npm run queries`. */
import { writeFile } from 'node:fs/promises';
import { splits } from './coco-split.js';
import { generateQuerySet } from './photo-queries.js';
import { formatQuerySet, queryKinds, querySetPath } from './query-set.js';
import { runCommand } from './run-command.js';

await runCommand(async () => {
  for (const split of splits) {
    const photos = await generateQuerySet(split);
    await writeFile(querySetPath(split), formatQuerySet(photos));
    const queries = photos.flatMap((photo) => photo.queries);
    const counts = queryKinds.map((kind) => `${kind} ${queries.filter((query) => query.kind === kind).length}`);
    console.log(`${split}: ${photos.length} photos, ${queries.length} queries: ${counts.join(', ')}`);
  }
});
