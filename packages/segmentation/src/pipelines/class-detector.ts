import {
  TesseraError,
  type ClassDetectorSettings,
  type PipelineManifest,
  type SegmentOptions,
  type Warning,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import { requireGraphNames, type Bundle, type InferenceRunner } from '@tessera/inference';
import { loadTokenizer } from '@tessera/tokenizer';
import { chooseObjects, similarityRule } from '../answers/object-choice.js';
import type { ObjectChoice } from '../answers/choice.js';
import { readClasses, readJson } from '../language/bundle-classes.js';
import { ClassSimilarity } from '../language/class-similarity.js';
import { TextEncoder } from '../language/text-encoder.js';
import { detectionReader, type Detection } from '../vision/detections.js';
import type { RequestImage } from '../vision/request-image.js';
import { boxVision, defaultThreshold, type BoxVision, type ChosenObjects, type Pipeline } from './pipeline.js';

type ClassDetectorBundle = Bundle<PipelineManifest<'class-detector'>>;

/** An object that is there beyond doubt: the detector has no other class for it, and it fills the image. */
const certainObject = { box: [0, 0, 1, 1], score: 0.9, rivals: [] } as const;

/**
 * Pipeline `class-detector`: query → similarity of the sentence with each detector class → detected boxes of the classes
 * that fit. It reads a sentence as a whole: places, colours and exclusions in it make no difference.
 */
export class ClassDetector implements Pipeline {
  readonly settings: ClassDetectorSettings;
  readonly cheapest: SegmentOptions = { refine: false };
  readonly classNames: readonly string[];
  readonly similarity: ClassSimilarity;
  readonly vision: BoxVision<readonly Detection[]>;
  readonly #name: string;

  private constructor(
    { manifest }: ClassDetectorBundle,
    classNames: readonly string[],
    similarity: ClassSimilarity,
    vision: BoxVision<readonly Detection[]>,
  ) {
    this.settings = manifest.settings;
    this.#name = manifest.name;
    this.classNames = classNames;
    this.similarity = similarity;
    this.vision = vision;
  }

  static async create(
    bundle: ClassDetectorBundle,
    runner: InferenceRunner,
    limits: ImageLimits,
  ): Promise<ClassDetector> {
    requireGraphNames(bundle, ['detector', 'text_encoder', 'image_encoder', 'mask_decoder']);
    const { settings } = bundle.manifest;
    const classes = await readClasses(bundle, settings);
    const encoder = new TextEncoder(bundle, runner, loadTokenizer(await readJson(bundle, settings.tokenizer)));
    const similarity = await ClassSimilarity.create(classes, encoder);
    const names = classes.map(({ name }) => name);
    return new ClassDetector(bundle, names, similarity, boxVision(bundle, runner, limits, settings, detectionReader));
  }

  async choose(
    image: RequestImage,
    queries: readonly string[],
    { threshold = defaultThreshold }: SegmentOptions,
  ): Promise<ChosenObjects> {
    image.clock.report('language', 0);
    const similarities = await image.clock.measure('language', () => this.similarity.of(queries, image.clock.signal));
    const detections = await this.vision.detector.detect(image);
    const choices = queries.map((query, index) =>
      this.#chooseOne(query, similarities[index] ?? new Float64Array(), detections, threshold),
    );
    return { choices };
  }

  #chooseOne(
    query: string,
    similarities: Float64Array,
    detections: readonly Detection[],
    threshold: number,
  ): ObjectChoice {
    if (!this.similarity.understands(query)) {
      return { score: 0, objects: [], warnings: [{ code: 'unknown_words', words: [query] }] };
    }
    const rule = similarityRule(similarities, this.settings);
    const fit = Math.max(
      ...this.classNames.map((_, index) => rule.probabilityOf({ ...certainObject, classIndex: index })),
    );
    const isUnderstood = fit >= threshold;
    const warnings: Warning[] = isUnderstood ? [] : [{ code: 'unknown_thing', words: [query] }];
    const label = isUnderstood ? this.classNames[indexOfHighest(similarities)] : undefined;
    return { label, ...chooseObjects(rule, detections, this.classNames, this.settings, threshold), warnings };
  }

  checkOptions({ pruning, output }: SegmentOptions): void {
    const refuse = (pointer: string, supported: string, detail: string): never => {
      throw new TesseraError('TSR_OPTION_UNSUPPORTED', `The model ${this.#name} has no image tokens to ${detail}.`, {
        fields: [{ pointer, message: `must be ${supported} for this model` }],
      });
    };
    if (pruning !== undefined && pruning.mode !== 'off') {
      refuse('/pruning/mode', '"off"', 'prune; leave "pruning" out or set its mode to "off"');
    }
    if (output?.token_map === true) refuse('/output/token_map', 'false', 'map; leave "output.token_map" out');
  }
}

function indexOfHighest(values: Float64Array): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? -Infinity) ? index : best), 0);
}
