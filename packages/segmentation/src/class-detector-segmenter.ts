import {
  BundleClass,
  TesseraError,
  type ClassDetectorSettings,
  type PipelineManifest,
  type SegmentOptions,
  type SegmentQueryResult,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import type { Bundle, InferenceRunner } from '@tessera/inference';
import { loadTokenizer } from '@tessera/tokenizer';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { bestScores, type Detection } from './detections.js';
import type { SquareLogits } from './mask-upsampling.js';
import { chooseObjects, classFeatures, type ObjectChoice } from './object-choice.js';
import { QueryMatcher } from './query-matcher.js';
import { RequestImage } from './request-image.js';
import { ResultPainter } from './result-painter.js';
import type { SegmentContext, Segmenter, SegmentImage, SegmentOutcome } from './segmenter.js';
import { Stopwatch } from './stopwatch.js';
import { createTextEmbedder } from './text-embedder.js';
import { Vision, type SeenImage } from './vision.js';

const defaultThreshold = 0.5;

type ClassDetectorBundle = Bundle<PipelineManifest<'class-detector'>>;

/** The detections of an image and what each query makes of them. */
export interface Evidence {
  readonly detections: readonly Detection[];
  readonly queries: readonly {
    /** Whether `described_calibration` takes the features, and not `named_calibration`. */
    readonly isDescribed: boolean;
    /** By class index; nothing for a class that the query cannot mean. */
    readonly features: readonly (readonly number[] | undefined)[];
  }[];
}

/**
 * Pipeline `class-detector`: query → detector classes (by name, or by similarity of the sentence) → detected boxes of these
 * classes → a mask per box (SAM, or the usual shape of a region) → their union.
 */
export class ClassDetectorSegmenter implements Segmenter {
  readonly #settings: ClassDetectorSettings;
  readonly #name: string;
  readonly #classCount: number;
  readonly #matcher: QueryMatcher;
  readonly #vision: Vision;
  readonly #imageLimits: ImageLimits;

  private constructor(
    bundle: ClassDetectorBundle,
    runner: InferenceRunner,
    imageLimits: ImageLimits,
    classCount: number,
    matcher: QueryMatcher,
  ) {
    this.#settings = bundle.manifest.settings;
    this.#name = bundle.manifest.name;
    this.#classCount = classCount;
    this.#matcher = matcher;
    this.#vision = new Vision(bundle, runner);
    this.#imageLimits = imageLimits;
  }

  static async create(
    bundle: ClassDetectorBundle,
    runner: InferenceRunner,
    imageLimits: ImageLimits,
  ): Promise<ClassDetectorSegmenter> {
    const { settings } = bundle.manifest;
    const classes = Value.Parse(Type.Array(BundleClass), await readJson(bundle, settings.classes));
    const tokenizer = loadTokenizer(await readJson(bundle, settings.tokenizer));
    const embedder = createTextEmbedder(bundle, runner, tokenizer);
    const matcher = await QueryMatcher.create(classes, tokenizer, embedder);
    return new ClassDetectorSegmenter(bundle, runner, imageLimits, classes.length, matcher);
  }

  async warmUp(segmentImage: SegmentImage): Promise<void> {
    const stopwatch = new Stopwatch({});
    const image = this.#requestImage(segmentImage, stopwatch);
    await this.#matcher.match(['anything']);
    const seen = await this.#vision.detect(image, stopwatch);
    await this.#vision.segmentBoxes(image, seen, [[0, 0, 1, 1]], stopwatch);
  }

  async segment(
    segmentImage: SegmentImage,
    queries: readonly string[],
    options: SegmentOptions,
    context: SegmentContext = {},
  ): Promise<SegmentOutcome> {
    this.#checkOptions(options);
    const stopwatch = new Stopwatch(context);
    const image = this.#requestImage(segmentImage, stopwatch);

    const meanings = await stopwatch.measure('language', 0, () => this.#matcher.match(queries));
    const seen = await this.#vision.detect(image, stopwatch);
    const threshold = options.threshold ?? defaultThreshold;
    const choices = meanings.map((meaning) =>
      chooseObjects(meaning, seen.detections, this.#classCount, this.#settings, threshold),
    );
    const refined =
      options.refine === false
        ? new Map<Detection, SquareLogits>()
        : await this.#refine(image, seen, choices, stopwatch);

    const painter = new ResultPainter(seen, refined, this.#settings.region_shape_exponent, options.output ?? {});
    const results: SegmentQueryResult[] = [];
    for (const [index, choice] of choices.entries()) {
      const fraction = 0.9 + (0.1 * index) / choices.length;
      results.push(await stopwatch.measure('mask', fraction, () => painter.result(queries[index] ?? '', choice)));
    }
    return { image: { width: seen.width, height: seen.height }, results, timingsMs: stopwatch.timingsMs };
  }

  /** What the pipeline knows before it decides, for fitting its calibrations. */
  async evidence(segmentImage: SegmentImage, queries: readonly string[]): Promise<Evidence> {
    const stopwatch = new Stopwatch({});
    const meanings = await this.#matcher.match(queries);
    const { detections } = await this.#vision.detect(this.#requestImage(segmentImage, stopwatch), stopwatch);
    const scores = bestScores(detections, this.#classCount);
    return {
      detections,
      queries: meanings.map((meaning) => ({
        isDescribed: meaning.similarities !== undefined,
        features: Array.from(scores, (score, classIndex) => classFeatures(meaning)(classIndex, score)),
      })),
    };
  }

  #requestImage(image: SegmentImage, stopwatch: Stopwatch): RequestImage {
    const sizes = {
      square: this.#settings.detector_image_size,
      longestSide: this.#settings.encoder_longest_side,
      limits: this.#imageLimits,
    };
    return new RequestImage(image, sizes, stopwatch);
  }

  #checkOptions({ pruning, output }: SegmentOptions): void {
    if (pruning !== undefined && pruning.mode !== 'off') {
      throw new TesseraError(
        'TSR_OPTION_UNSUPPORTED',
        `The model ${this.#name} has no image tokens to prune; leave "pruning" out or set its mode to "off".`,
        { fields: [{ pointer: '/pruning/mode', message: 'must be "off" for this model' }] },
      );
    }
    if (output?.token_map === true) {
      throw new TesseraError(
        'TSR_OPTION_UNSUPPORTED',
        `The model ${this.#name} has no image tokens to map; leave "output.token_map" out.`,
        { fields: [{ pointer: '/output/token_map', message: 'must be false for this model' }] },
      );
    }
  }

  /** Mask logits of the most probable objects of all queries, each object once. */
  async #refine(
    image: RequestImage,
    seen: SeenImage,
    choices: readonly ObjectChoice[],
    stopwatch: Stopwatch,
  ): Promise<Map<Detection, SquareLogits>> {
    const objects = choices.flatMap(({ objects }) => objects).sort((a, b) => b.probability - a.probability);
    const detections = [...new Set(objects.map(({ detection }) => detection))];
    const chosen = detections.slice(0, this.#settings.maximum_refined_objects);
    const boxes = chosen.map(({ box }) => box);
    const logits = await this.#vision.segmentBoxes(image, seen, boxes, stopwatch);
    return new Map(chosen.flatMap((detection, index) => (logits[index] ? [[detection, logits[index]]] : [])));
  }
}

async function readJson(bundle: ClassDetectorBundle, file: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await bundle.readFile(file)).toString('utf8')) as unknown;
}
