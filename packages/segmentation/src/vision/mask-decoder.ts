import { finiteOutput, rowsOf, type Bundle, type InferenceRunner, type KeptTensor } from '@tessera/inference';
import type { Box } from './box.js';
import { ImageEncoder } from './image-encoder.js';
import type { MaskLogits } from './mask-logits.js';
import type { MaskPrompt } from './mask-prompt.js';
import { removeSpecks } from './mask-specks.js';
import type { ImageSize, RequestImage } from './request-image.js';

/** The mask of a prompt. */
export interface DecodedMask extends MaskLogits {
  /** IoU with the object, as the decoder predicts it. */
  readonly iou: number;
}

/** One run decodes this many prompts. */
const promptsPerRun = 8;
const embeddingWidth = 256;
/** Half a cell of SAM's embedding, in pixels of the encoder's input. */
const paddingDistance = 8;

/** A prompt as the decoder's tokens. */
interface PromptTokens {
  /** x and y of each point in pixels of the encoder's input. */
  readonly points: readonly number[];
  /** SAM's: 1 on the object, 0 beside it, 2 and 3 the corners of its box, -1 padding. */
  readonly labels: readonly number[];
  readonly embeddings: Float32Array;
}

/** The bundle's graphs `image_encoder` and `mask_decoder`: from prompts to masks. */
export class MaskDecoder {
  readonly #bundle: string;
  readonly #runner: InferenceRunner;
  readonly #encoder: ImageEncoder;

  /** @param longestSide - of what the image encoder reads, in pixels */
  constructor(bundle: Bundle, runner: InferenceRunner, longestSide: number) {
    this.#bundle = bundle.manifest.name;
    this.#runner = runner;
    this.#encoder = new ImageEncoder(bundle, runner, longestSide);
  }

  /**
   * The masks of prompts, in their order, without specks and small holes.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED`
   */
  async decode(image: RequestImage, prompts: readonly MaskPrompt[]): Promise<DecodedMask[]> {
    if (prompts.length === 0) return [];
    const size = await image.size();
    const tokens = prompts.map((prompt) => promptTokens(prompt, size));
    const masks = new Array<DecodedMask>(prompts.length);
    for (const batch of batches(tokens)) {
      const decoded = await this.#encoder.withEmbedding(image, (embedding) => {
        image.clock.report('mask', 0.8);
        return image.clock.measure('mask', () =>
          this.#run(
            embedding,
            batch.map(({ tokens: own }) => own),
            image.clock.signal,
          ),
        );
      });
      const longestSide = Math.max(size.scaledWidth, size.scaledHeight);
      const share = { imageWidth: size.scaledWidth / longestSide, imageHeight: size.scaledHeight / longestSide };
      for (const [row, { index }] of batch.entries()) {
        const data = decoded.logits[row] ?? new Float32Array();
        const mask = { data, side: Math.sqrt(data.length), ...share, iou: decoded.iou[row] ?? 0 };
        removeSpecks(mask, prompts[index]?.points);
        masks[index] = mask;
      }
    }
    return masks;
  }

  async #run(
    embedding: KeptTensor,
    prompts: readonly PromptTokens[],
    signal: AbortSignal | undefined,
  ): Promise<{ logits: Float32Array[]; iou: Float32Array }> {
    const count = prompts.length;
    const points = Float32Array.from(prompts.flatMap((prompt) => prompt.points));
    const labels = BigInt64Array.from(
      prompts.flatMap((prompt) => prompt.labels),
      BigInt,
    );
    const embeddings = Float32Array.from(prompts.flatMap((prompt) => [...prompt.embeddings]));
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle,
      graph: 'mask_decoder',
      feeds: {
        embedding,
        points: { type: 'float32', dims: [count, labels.length / count, 2], data: points },
        labels: { type: 'int64', dims: [count, labels.length / count], data: labels },
        prompt_embeddings: {
          type: 'float32',
          dims: [count, embeddings.length / count / embeddingWidth, embeddingWidth],
          data: embeddings,
        },
      },
      fetch: ['low_res_masks', 'iou'],
      signal,
    });
    return { logits: rowsOf(finiteOutput(outputs, 'low_res_masks'), count), iou: finiteOutput(outputs, 'iou') };
  }
}

function promptTokens(
  { box, points = [], embeddings = new Float32Array() }: MaskPrompt,
  size: ImageSize,
): PromptTokens {
  const { scaledWidth, scaledHeight } = size;
  const last = lastPoints(box, points.length > 0);
  const inside = { x: besidePadding(scaledWidth, scaledHeight), y: besidePadding(scaledHeight, scaledWidth) };
  return {
    points: [
      ...points.flatMap(({ x, y }) => [Math.min(x * scaledWidth, inside.x), Math.min(y * scaledHeight, inside.y)]),
      ...last.flatMap(({ x, y }) => [x * scaledWidth, y * scaledHeight]),
    ],
    labels: [...points.map(({ isOnObject }) => (isOnObject ? 1 : 0)), ...last.map(({ label }) => label)],
    embeddings,
  };
}

/**
 * The last place along a side that a point may have: nearer to the padding, the padding is SAM's object. Of a strip that
 * is no wider than that distance, its middle.
 */
function besidePadding(side: number, otherSide: number): number {
  return side < otherSide ? Math.max(side - paddingDistance, side / 2) : side;
}

/** A box's corners; in its place SAM was trained with a point of padding. */
function lastPoints(box: Box | undefined, hasPoints: boolean): { x: number; y: number; label: number }[] {
  if (box === undefined) return hasPoints ? [{ x: 0, y: 0, label: -1 }] : [];
  const [x0, y0, x1, y1] = box;
  return [
    { x: x0, y: y0, label: 2 },
    { x: x1, y: y1, label: 3 },
  ];
}

interface IndexedTokens {
  readonly index: number;
  readonly tokens: PromptTokens;
}

/** Prompts of one run have the same numbers of points and embeddings: padding would change their masks. */
function batches(prompts: readonly PromptTokens[]): IndexedTokens[][] {
  const groups = new Map<string, IndexedTokens[]>();
  for (const [index, tokens] of prompts.entries()) {
    const shape = `${tokens.labels.length}/${tokens.embeddings.length}`;
    groups.set(shape, [...(groups.get(shape) ?? []), { index, tokens }]);
  }
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / promptsPerRun) }, (_, batch) =>
      group.slice(batch * promptsPerRun, (batch + 1) * promptsPerRun),
    ),
  );
}
