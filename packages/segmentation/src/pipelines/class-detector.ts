import {
  TesseraError,
  type ClassDetectorSettings,
  type PipelineManifest,
  type SegmentOptions,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import type { Bundle, InferenceRunner } from '@tessera/inference';
import { loadLanguage, type BundleLanguage } from '../language/bundle-language.js';
import { bestScores, detectionReader, type Detection } from '../vision/detections.js';
import { chooseObjects, classFeatures } from '../answers/object-choice.js';
import { answerQueries } from '../answers/query-answers.js';
import { RequestImage } from '../vision/request-image.js';
import {
  defaultThreshold,
  type SegmentContext,
  type Segmenter,
  type SegmentImage,
  type SegmentOutcome,
} from '../segmenter.js';
import { Stopwatch } from '../stopwatch.js';
import { Vision } from '../vision/vision.js';

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
  readonly #language: BundleLanguage;
  readonly #vision: Vision<readonly Detection[]>;
  readonly #imageLimits: ImageLimits;

  private constructor(
    bundle: ClassDetectorBundle,
    runner: InferenceRunner,
    imageLimits: ImageLimits,
    language: BundleLanguage,
  ) {
    this.#settings = bundle.manifest.settings;
    this.#name = bundle.manifest.name;
    this.#language = language;
    this.#vision = new Vision(bundle, runner, detectionReader);
    this.#imageLimits = imageLimits;
  }

  static async create(
    bundle: ClassDetectorBundle,
    runner: InferenceRunner,
    imageLimits: ImageLimits,
  ): Promise<ClassDetectorSegmenter> {
    const language = await loadLanguage(bundle, runner, bundle.manifest.settings);
    return new ClassDetectorSegmenter(bundle, runner, imageLimits, language);
  }

  async warmUp(segmentImage: SegmentImage): Promise<void> {
    const stopwatch = new Stopwatch({});
    const image = this.#requestImage(segmentImage, stopwatch);
    await this.#language.matcher.match(['anything']);
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

    const meanings = await stopwatch.measure('language', 0, () => this.#language.matcher.match(queries));
    const seen = await this.#vision.detect(image, stopwatch);
    const threshold = options.threshold ?? defaultThreshold;
    const choices = meanings.map((meaning) =>
      chooseObjects(meaning, seen.found, this.#language.classCount, this.#settings, threshold),
    );
    const answers = { image, seen, queries, choices, options };
    const results = await answerQueries(this.#vision, this.#settings, answers, stopwatch);
    return { image: { width: seen.width, height: seen.height }, results, timingsMs: stopwatch.timingsMs };
  }

  /** What the pipeline knows before it decides, for fitting its calibrations. */
  async evidence(segmentImage: SegmentImage, queries: readonly string[]): Promise<Evidence> {
    const stopwatch = new Stopwatch({});
    const meanings = await this.#language.matcher.match(queries);
    const { found: detections } = await this.#vision.detect(this.#requestImage(segmentImage, stopwatch), stopwatch);
    const scores = bestScores(detections, this.#language.classCount);
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
}
