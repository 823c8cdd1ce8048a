import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@tessera/evaluation';

/**
 * Writes fitted settings for the next build of a bundle, laid out as the formatter leaves them.
 *
 * @param name - of the file, below the sources of the bundle builder
 */
export async function writeBundleSettings(name: string, settings: object): Promise<void> {
  const json = JSON.stringify(settings, null, 2)
    .replaceAll(/\[\s+([^\]]+?)\s+\]/g, (_, list: string) => `[${list.replaceAll(/\s+/g, ' ')}]`)
    .replaceAll(/\{\s+("bias"[^}]+?)\s+\}/g, (_, body: string) => `{ ${body.replaceAll(/\s+/g, ' ')} }`);
  await writeFile(join(repositoryRoot, 'packages/bundle-builder/src', name), `${json}\n`);
  console.log(json);
}
