import type {
  PipelineManifest,
  RegionReasonerSettings,
  SegmentOptions,
  SegmentQueryResult,
  TokenLayout,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import type { Bundle, InferenceRunner } from '@tessera/inference';
import { decodeRle, type BinaryMask } from '@tessera/masks';
import { pruningReport } from '@tessera/token-pruning';
import type { Box } from '../vision/box.js';
import { loadLanguage, type BundleLanguage } from '../language/bundle-language.js';
import type { ObjectChoice } from '../answers/object-choice.js';
import { proposalReader, type Proposals } from '../vision/proposals.js';
import { decoderShape, planPruning, type PruningPlan } from '../language/pruning-plan.js';
import { answerQueries } from '../answers/query-answers.js';
import type { QueryMeaning, QueryReading } from '../language/query-matcher.js';
import { Reasoner, type ClassWeights, type RegionScores } from '../language/reasoner.js';
import { chooseRegions, refuseQuery, type RegionChoice } from '../answers/region-choice.js';
import { RequestImage } from '../vision/request-image.js';
import {
  defaultThreshold,
  type SegmentContext,
  type Segmenter,
  type SegmentImage,
  type SegmentOutcome,
} from '../segmenter.js';
import { Stopwatch } from '../stopwatch.js';
import { Vision, type SeenImage } from '../vision/vision.js';

type RegionReasonerBundle = Bundle<PipelineManifest<'region-reasoner'>>;

/** What the reasoner made of the queries about one image, before anything is drawn. */
export interface ReasonedQueries {
  readonly width: number;
  readonly height: number;
  /** One per query, in their order. */
  readonly queries: readonly ReasonedQuery[];
  /** Duration of the reasoner's run alone, 0 when there was none. */
  readonly reasonerMs: number;
}

export type ReasonedQuery =
  | { readonly choice: RegionChoice; readonly regions: RegionScores }
  /** The query was refused before the reasoner saw it. */
  | { readonly choice: ObjectChoice; readonly regions: undefined };

/** How sharply the similarities of a description choose between classes, as the reasoner was trained. */
const similaritySharpness = 40;

/**
 * Pipeline `region-reasoner`: a small language model reads the detector's proposals and the query, and scores the
 * proposals; those it chooses become masks as in `class-detector`.
 */
export class RegionReasonerSegmenter implements Segmenter {
  readonly #settings: RegionReasonerSettings;
  readonly #language: BundleLanguage;
  readonly #vision: Vision<Proposals>;
  readonly #reasoner: Reasoner;
  readonly #imageLimits: ImageLimits;

  private constructor(
    bundle: RegionReasonerBundle,
    runner: InferenceRunner,
    imageLimits: ImageLimits,
    language: BundleLanguage,
  ) {
    const { settings } = bundle.manifest;
    this.#settings = settings;
    this.#language = language;
    this.#vision = new Vision(bundle, runner, proposalReader);
    this.#reasoner = new Reasoner(bundle, runner, settings.decoder, language.classCount);
    this.#imageLimits = imageLimits;
  }

  static async create(
    bundle: RegionReasonerBundle,
    runner: InferenceRunner,
    imageLimits: ImageLimits,
  ): Promise<RegionReasonerSegmenter> {
    const language = await loadLanguage(bundle, runner, bundle.manifest.settings);
    return new RegionReasonerSegmenter(bundle, runner, imageLimits, language);
  }

  async warmUp(segmentImage: SegmentImage): Promise<void> {
    const stopwatch = new Stopwatch({});
    const image = this.#requestImage(segmentImage, stopwatch);
    const seen = await this.#vision.detect(image, stopwatch);
    await this.#reason(seen, ['a person on the left'], this.plan(undefined), defaultThreshold, image.id, stopwatch);
    await this.#vision.segmentBoxes(image, seen, [[0, 0, 1, 1]], stopwatch);
  }

  async segment(
    segmentImage: SegmentImage,
    queries: readonly string[],
    options: SegmentOptions,
    context: SegmentContext = {},
  ): Promise<SegmentOutcome> {
    return await this.segmentWithPlan(segmentImage, queries, options, this.plan(options.pruning), context);
  }

  /**
   * The plan for a request's pruning options; the bundle's own for none.
   *
   * @throws TesseraError `TSR_OPTION_UNSUPPORTED`
   */
  plan(pruning: SegmentOptions['pruning']): PruningPlan {
    return planPruning(this.#settings, pruning);
  }

  /** As `segment`, with any plan in place of the request's pruning options. */
  async segmentWithPlan(
    segmentImage: SegmentImage,
    queries: readonly string[],
    options: SegmentOptions,
    plan: PruningPlan,
    context: SegmentContext = {},
  ): Promise<SegmentOutcome> {
    const stopwatch = new Stopwatch(context);
    const image = this.#requestImage(segmentImage, stopwatch);
    const report = pruningReport(plan.mode, decoderShape(this.#settings), plan.stages);

    const seen = await this.#vision.detect(image, stopwatch);
    const threshold = options.threshold ?? defaultThreshold;
    const { queries: reasoned } = await this.#reason(seen, queries, plan, threshold, image.id, stopwatch);
    const choices = reasoned.map(({ choice }) => choice);
    const answers = { image, seen, queries, choices, options };
    const results = await answerQueries(this.#vision, this.#settings, answers, stopwatch);
    const wantsTokens = options.output?.token_map === true;
    return {
      image: { width: seen.width, height: seen.height },
      results: wantsTokens ? results.map((result, index) => withTokenMap(result, reasoned[index])) : results,
      pruning: report,
      ...(wantsTokens ? { tokenLayout: this.#tokenLayout(seen) } : {}),
      timingsMs: stopwatch.timingsMs,
    };
  }

  /**
   * Runs the detector, unless it saw the image before, and the reasoner alone.
   *
   * @param seed - decides a random selection of tokens; the image's id unless given
   */
  async reason(
    segmentImage: SegmentImage,
    queries: readonly string[],
    plan: PruningPlan,
    {
      threshold = defaultThreshold,
      seed = segmentImage.id,
    }: { readonly threshold?: number; readonly seed?: string } = {},
  ): Promise<ReasonedQueries> {
    const stopwatch = new Stopwatch({});
    const seen = await this.#vision.detect(this.#requestImage(segmentImage, stopwatch), stopwatch);
    return await this.#reason(seen, queries, plan, threshold, seed, stopwatch);
  }

  /** A mask `[H, W]` of what is in each box, as an answer with that box alone would have. */
  async boxMasks(segmentImage: SegmentImage, boxes: readonly Box[]): Promise<BinaryMask[]> {
    const stopwatch = new Stopwatch({});
    const image = this.#requestImage(segmentImage, stopwatch);
    const seen = await this.#vision.detect(image, stopwatch);
    const choices = boxes.map((box) => ({ score: 1, objects: [{ box, probability: 1 }], warnings: [] }));
    const settings = { ...this.#settings, maximum_refined_objects: boxes.length };
    const options = { output: { format: 'rle' } } as const;
    const answers = { image, seen, queries: boxes.map(() => ''), choices, options };
    const results = await answerQueries(this.#vision, settings, answers, stopwatch);
    return results.flatMap(({ mask }) => ('counts' in mask ? [decodeRle(mask)] : []));
  }

  async #reason(
    { width, height, found: proposals }: SeenImage<Proposals>,
    queries: readonly string[],
    plan: PruningPlan,
    threshold: number,
    seed: string,
    stopwatch: Stopwatch,
  ): Promise<ReasonedQueries> {
    const meanings = await stopwatch.measure('language', 0.2, () => this.#language.matcher.match(queries));
    const asked = meanings.filter(isAnswerable);
    if (asked.length === 0) {
      const refused = meanings.map((meaning) => ({ choice: refuseQuery(meaning), regions: undefined }));
      return { width, height, queries: refused, reasonerMs: 0 };
    }
    const { queries: scored, runMs } = await stopwatch.measure('language', 0.2, async () => {
      const texts = await this.#language.encoder.encode(asked.map(({ text }) => text));
      return await this.#reasoner.answer({ proposals, texts, mentions: asked.map(mentionsOf), plan, seed });
    });
    return {
      width,
      height,
      queries: meanings.map((meaning): ReasonedQuery => {
        const regions = scored[asked.indexOf(meaning)];
        if (regions === undefined) return { choice: refuseQuery(meaning), regions: undefined };
        return { choice: chooseRegions(meaning, regions, proposals, this.#settings, threshold), regions };
      }),
      reasonerMs: runMs,
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

  #tokenLayout({ width, height, found }: SeenImage<Proposals>): TokenLayout {
    const { grid_side: side, regions } = this.#settings.decoder;
    const toPixels = ([x0, y0, x1, y1]: Proposals['boxes'][number]): TokenLayout['regions'][number] => [
      rounded(x0 * width),
      rounded(y0 * height),
      rounded((x1 - x0) * width),
      rounded((y1 - y0) * height),
    ];
    return { grid: [side, side], regions: found.boxes.slice(0, regions).map(toPixels) };
  }
}

function isAnswerable({ saysSomething, refusedWords }: QueryReading): boolean {
  return saysSomething && refusedWords.length === 0;
}

/** A broader word that is described further leaves open which of its classes is meant; similarity weighs them. */
function mentionsOf({ classes, otherThings, similarities }: QueryMeaning): ClassWeights[] {
  if (classes.length === 0) return [];
  if (similarities === undefined) return [classes, ...otherThings].map(evenWeights);
  const highest = Math.max(...classes.map((index) => similarities[index] ?? 0));
  const weightOf = (index: number): number => Math.exp(similaritySharpness * ((similarities[index] ?? 0) - highest));
  return [new Map(classes.map((index) => [index, weightOf(index)])), ...otherThings.map(evenWeights)];
}

function evenWeights(classes: readonly number[]): ClassWeights {
  return new Map(classes.map((index) => [index, 1]));
}

function withTokenMap(result: SegmentQueryResult, query: ReasonedQuery | undefined): SegmentQueryResult {
  return { ...result, token_map: [...(query?.regions?.tokenMap ?? [])] };
}

/** Pixels to a tenth. */
function rounded(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
