import type {
  PictureFormat,
  SegmentJob,
  SegmentOptions,
  SegmentQueryResult,
  SegmentResponse,
} from '@tessera/contracts';
import type { RunningJob } from '@tessera/queue';
import { formatMask, type Segmenter } from '@tessera/segmentation';
import type { JobTools } from './job-tools.js';
import { startTimings } from './job-timings.js';
import { pixelsOf } from './mask-pixels.js';
import type { TaskModels } from './models.js';
import { drawOverlay } from './overlay.js';
import { stageObserver } from './progress-report.js';
import { storedImage } from './stored-image.js';

type Output = NonNullable<SegmentOptions['output']>;

/** Answers `POST /segment`. */
export async function segment(
  job: RunningJob,
  { imageId, options, ...question }: SegmentJob,
  models: TaskModels<Segmenter>,
  { blobs, limits, metrics, tracing, shared }: JobTools,
): Promise<SegmentResponse> {
  const timings = startTimings(job);
  const { description, pipeline } = models.find(options.model);
  const photo = storedImage(imageId, blobs);
  const output = options.output ?? {};
  const picture = pictureFormat(output);
  // An overlay is drawn from run lengths; other formats are made of these afterwards.
  const asked = picture === undefined ? options : { ...options, output: { ...output, format: 'rle' as const } };
  const { image, results, pruning, tokenLayout, embedding, timingsMs } = await pipeline.segment(
    photo,
    { ...question, options: asked },
    { ...stageObserver(job, tracing), shared },
  );
  const startedAt = performance.now();
  const draw = async (format: PictureFormat) => drawOverlay(await photo.read(), results, format, limits);
  const overlay =
    picture === undefined
      ? {}
      : { overlay: await tracing.inSpan('stage overlay', { 'tessera.stage': 'overlay' }, () => draw(picture)) };
  const overlayMs = picture === undefined ? {} : { overlay: performance.now() - startedAt };
  metrics.observeStages(description.name, { ...timingsMs, ...overlayMs });
  if (pruning !== undefined) metrics.observeTokens(description.name, pruning);
  if (embedding !== undefined) metrics.observeEmbedding(description.name, embedding);
  return {
    id: job.id,
    model: `${description.name}@${description.version}`,
    image: { id: imageId, ...image },
    results: picture === undefined ? results : results.map((result) => inFormat(result, output)),
    ...(pruning ? { pruning } : {}),
    ...(tokenLayout ? { token_layout: tokenLayout } : {}),
    ...overlay,
    timings_ms: timings({ ...timingsMs, ...overlayMs }),
  };
}

function pictureFormat({ overlay = false }: Output): PictureFormat | undefined {
  if (overlay === false) return undefined;
  return overlay === true ? 'jpeg' : overlay;
}

/** A result whose masks are COCO RLE, with them as the request asks for. */
function inFormat(result: SegmentQueryResult, output: Output): SegmentQueryResult {
  if ((output.format ?? 'rle') === 'rle') return result;
  const written = <Masked extends Pick<SegmentQueryResult, 'mask'>>(masked: Masked): Masked => ({
    ...masked,
    mask: formatMask(pixelsOf(masked.mask), output),
  });
  const { instances } = result;
  return { ...written(result), ...(instances === undefined ? {} : { instances: instances.map(written) }) };
}
