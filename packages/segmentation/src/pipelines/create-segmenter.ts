import type { PipelineManifest, PipelineName } from '@tessera/contracts';
import { defaultImageLimits, type ImageLimits } from '@tessera/images';
import { isBundleOf, type Bundle, type InferenceRunner } from '@tessera/inference';
import type { Segmenter } from '../segmenter.js';
import { ClassDetector } from './class-detector.js';
import { PipelineSegmenter } from './pipeline-segmenter.js';
import type { Pipeline } from './pipeline.js';
import { RegionReasoner } from './region-reasoner.js';

/** The pipelines by the names that manifests give them. */
const pipelines = [pipeline('class-detector', ClassDetector), pipeline('region-reasoner', RegionReasoner)];

interface PipelineKind<Name extends PipelineName> {
  create(bundle: Bundle<PipelineManifest<Name>>, runner: InferenceRunner, limits: ImageLimits): Promise<Pipeline>;
}

export interface SegmenterOptions {
  /** What an image may cost; the defaults of `@tessera/images` unless given. */
  readonly imageLimits?: ImageLimits;
}

/**
 * A segmenter for a bundle, by the pipeline that its manifest names. The runner must have the bundle's graphs loaded.
 *
 * @throws BundleError or Error when a file of the bundle is missing or is not what the pipeline reads
 * @throws TesseraError `TSR_INFERENCE_FAILED` when the class texts cannot be embedded
 */
export async function createSegmenter(
  bundle: Bundle,
  runner: InferenceRunner,
  { imageLimits = defaultImageLimits }: SegmenterOptions = {},
): Promise<Segmenter> {
  for (const create of pipelines) {
    const created = create(bundle, runner, imageLimits);
    if (created !== undefined) return new PipelineSegmenter(await created);
  }
  const { name, pipeline: unknown } = bundle.manifest;
  throw new Error(`Bundle "${name}" is for the pipeline ${unknown}, which does not segment.`);
}

function pipeline<Name extends PipelineName>(name: Name, kind: PipelineKind<Name>) {
  return (bundle: Bundle, runner: InferenceRunner, limits: ImageLimits): Promise<Pipeline> | undefined =>
    isBundleOf(bundle, name) ? kind.create(bundle, runner, limits) : undefined;
}
