import { readFile } from 'node:fs/promises';
import { baselineFiles } from '../baseline/build-baseline-bundle.js';
import type { BundleContent } from '../bundle-directory.js';
import { readGraphContracts } from '../graph-contracts.js';
import { reasonerSettings } from './reasoner-settings.js';

/** The directory of the committed weights. */
export const reasonerWeightsDirectory = new URL('../../weights/reasoner/', import.meta.url);

const reasonerFile = 'reasoner.onnx';

/**
 * `tessera-mini`: a small language model scores the detector's regions, SAM refines those it chooses.
 *
 * @param baseline - the bundle whose detector, text encoder and SAM it shares
 * @throws Error when the trained graph is missing
 */
export async function buildReasonerBundle(baseline: BundleContent): Promise<BundleContent> {
  const { reasoner } = await readGraphContracts(new URL('graphs.json', import.meta.url), ['reasoner']);
  return {
    manifest: {
      name: 'tessera-mini',
      version: '1',
      description:
        'A small language model reads what the detector found and the query, and says which regions are meant.',
      license: baseline.manifest.license,
      default: true,
      provenance: baseline.manifest.provenance,
      graphs: { ...baseline.manifest.graphs, reasoner: { file: reasonerFile, ...reasoner } },
      task: 'segmentation',
      pipeline: 'region-reasoner',
      settings: await reasonerSettings({ classes: baselineFiles.classes, tokenizer: baselineFiles.tokenizer }),
    },
    files: { ...baseline.files, [reasonerFile]: await readFile(new URL(reasonerFile, reasonerWeightsDirectory)) },
  };
}
