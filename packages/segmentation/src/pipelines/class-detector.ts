import {
  TesseraError,
  type ClassDetectorSettings,
  type PipelineManifest,
  type SegmentOptions,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import type { Bundle, InferenceRunner } from '@tessera/inference';
import { chooseObjects } from '../answers/object-choice.js';
import { loadLanguage, type BundleLanguage } from '../language/bundle-language.js';
import { detectionReader, type Detection } from '../vision/detections.js';
import type { RequestImage } from '../vision/request-image.js';
import { readClassNames } from './class-names.js';
import { boxVision, defaultThreshold, type BoxVision, type ChosenObjects, type Pipeline } from './pipeline.js';

type ClassDetectorBundle = Bundle<PipelineManifest<'class-detector'>>;

/**
 * Pipeline `class-detector`: query → detector classes (by name, or by similarity of the sentence) → detected boxes of
 * these classes.
 */
export class ClassDetector implements Pipeline {
  readonly settings: ClassDetectorSettings;
  readonly language: BundleLanguage;
  readonly vision: BoxVision<readonly Detection[]>;
  readonly #name: string;
  readonly #classNames: readonly string[];

  private constructor(
    { manifest }: ClassDetectorBundle,
    classNames: readonly string[],
    language: BundleLanguage,
    vision: BoxVision<readonly Detection[]>,
  ) {
    this.settings = manifest.settings;
    this.#name = manifest.name;
    this.#classNames = classNames;
    this.language = language;
    this.vision = vision;
  }

  static async create(
    bundle: ClassDetectorBundle,
    runner: InferenceRunner,
    limits: ImageLimits,
  ): Promise<ClassDetector> {
    const { settings } = bundle.manifest;
    const language = await loadLanguage(bundle, runner, settings);
    const classNames = await readClassNames(bundle, settings);
    return new ClassDetector(
      bundle,
      classNames,
      language,
      boxVision(bundle, runner, limits, settings, detectionReader),
    );
  }

  async choose(
    image: RequestImage,
    queries: readonly string[],
    { threshold = defaultThreshold }: SegmentOptions,
  ): Promise<ChosenObjects> {
    image.clock.report('language', 0);
    const meanings = await image.clock.measure('language', () => this.language.matcher.match(queries));
    const detections = await this.vision.detector.detect(image);
    const choices = meanings.map((meaning) =>
      chooseObjects(meaning, detections, this.#classNames, this.settings, threshold),
    );
    return { choices };
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
