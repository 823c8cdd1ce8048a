import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { ConfigError, parseConfig } from '@tessera/contracts';
import { buildBaselineBundle, maskRefinerDirectory } from './baseline/build-baseline-bundle.js';
import { isUpToDate, writeBundle, type BundleContent } from './bundle-directory.js';
import { buildDualEncoderBundle } from './dual-encoder/build-dual-encoder-bundle.js';
import { trainedWeightsDirectory } from './dual-encoder/trained-weights.js';
import { builderFingerprint } from './fingerprint.js';
import {
  buildReasonerBundle,
  readerWeightsDirectory,
  reasonerWeightsDirectory,
} from './reasoner/build-reasoner-bundle.js';

interface BundleRecipe {
  readonly name: string;
  /** Directories of its trained weights. */
  readonly weights?: readonly URL[];
  /** Name of a bundle that has some of its files. */
  readonly sharesWith?: string;
  readonly build: () => Promise<BundleContent>;
}

let baseline: Promise<BundleContent> | undefined;

function builtBaseline(): Promise<BundleContent> {
  baseline ??= buildBaselineBundle();
  return baseline;
}

const recipes: readonly BundleRecipe[] = [
  { name: 'tessera-baseline', weights: [maskRefinerDirectory], build: builtBaseline },
  {
    name: 'tessera-mini',
    weights: [maskRefinerDirectory, reasonerWeightsDirectory, readerWeightsDirectory],
    sharesWith: 'tessera-baseline',
    build: async () => buildReasonerBundle(await builtBaseline()),
  },
  {
    name: 'tessera-dual',
    weights: [trainedWeightsDirectory],
    sharesWith: 'tessera-baseline',
    build: () => buildDualEncoderBundle(),
  },
];

const modelsDirectory = directoryOfModels();
await mkdir(modelsDirectory, { recursive: true });
for (const [index, recipe] of recipes.entries()) await buildBundle(recipe, `${index + 1} of ${recipes.length}`);

/** As the environment has it; of a mistake in it whoever started this reads the message alone. */
function directoryOfModels(): string {
  try {
    return parseConfig(process.env).MODELS_DIR;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** Builds a bundle whose sources have changed; says nothing of one that is up to date. */
async function buildBundle({ name, weights = [], sharesWith, build }: BundleRecipe, place: string): Promise<void> {
  const directory = join(modelsDirectory, name);
  if (!weights.every((directory) => existsSync(directory))) {
    console.log(`${directory} is left out: its weights are missing; see training/README.md`);
    return;
  }
  const fingerprint = await builderFingerprint(...weights);
  if (await isUpToDate(directory, fingerprint)) return;
  console.log(`building ${directory} from the installed weight packages, ${place} …`);
  const startedAt = performance.now();
  const shared = sharesWith === undefined ? undefined : join(modelsDirectory, sharesWith);
  await writeBundle(directory, fingerprint, await build(), shared);
  console.log(`${directory} built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
