import type { PipelineManifest, RegionReasonerSettings, SegmentOptions, TokenLayout } from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import type { Bundle, InferenceRunner } from '@tessera/inference';
import { roundTo } from '@tessera/runtime';
import { pruningReport } from '@tessera/token-pruning';
import type { ObjectChoice } from '../answers/choice.js';
import { chooseRegions, refuseQuery, type RegionChoice } from '../answers/region-choice.js';
import { loadLanguage, type BundleLanguage } from '../language/bundle-language.js';
import { decoderShape, planPruning, type PruningPlan } from '../reasoning/pruning-plan.js';
import type { QueryMeaning, QueryReading } from '../language/query-matcher.js';
import { Reasoner, type ClassWeights, type RegionScores } from '../reasoning/reasoner.js';
import { proposalReader, type Proposals } from '../vision/proposals.js';
import type { RequestImage } from '../vision/request-image.js';
import { readClassNames } from './class-names.js';
import { boxVision, defaultThreshold, type BoxVision, type ChosenObjects, type Pipeline } from './pipeline.js';

type RegionReasonerBundle = Bundle<PipelineManifest<'region-reasoner'>>;

/** The reasoner's choices for the queries about one image, before any mask is decoded. */
export interface ReasonedQueries {
  /** One per query, in their order. */
  readonly queries: readonly ReasonedQuery[];
  /** Duration of the reasoner's run alone, 0 when there was none. */
  readonly reasonerMs: number;
}

export type ReasonedQuery =
  | { readonly choice: RegionChoice; readonly regions: RegionScores }
  /** Refused before the reasoner's run. */
  | { readonly choice: ObjectChoice; readonly regions: undefined };

/** Options of a run of the reasoner. */
export interface Reasoning {
  readonly plan: PruningPlan;
  /** Least probability at which a target counts as present; 0.5 unless given. */
  readonly threshold?: number | undefined;
  /** Decides a random selection of tokens; the image's id unless given. */
  readonly seed?: string;
}

/** How sharply the similarities of a description choose between classes, as the reasoner was trained. */
const similaritySharpness = 40;

/**
 * Pipeline `region-reasoner`: a small language model reads the detector's proposals and the query, and scores the
 * proposals.
 */
export class RegionReasoner implements Pipeline {
  readonly settings: RegionReasonerSettings;
  readonly language: BundleLanguage;
  readonly vision: BoxVision<Proposals>;
  readonly #reasoner: Reasoner;
  readonly #classNames: readonly string[];

  private constructor(
    settings: RegionReasonerSettings,
    language: BundleLanguage,
    vision: BoxVision<Proposals>,
    reasoner: Reasoner,
    classNames: readonly string[],
  ) {
    this.settings = settings;
    this.language = language;
    this.vision = vision;
    this.#reasoner = reasoner;
    this.#classNames = classNames;
  }

  static async create(
    bundle: RegionReasonerBundle,
    runner: InferenceRunner,
    limits: ImageLimits,
  ): Promise<RegionReasoner> {
    const { settings } = bundle.manifest;
    const language = await loadLanguage(bundle, runner, settings);
    const vision = boxVision(bundle, runner, limits, settings, proposalReader);
    const reasoner = new Reasoner(bundle, runner, settings.decoder, language.classCount);
    return new RegionReasoner(settings, language, vision, reasoner, await readClassNames(bundle, settings));
  }

  checkOptions({ pruning }: SegmentOptions): void {
    planPruning(this.settings, pruning);
  }

  async choose(
    image: RequestImage,
    queries: readonly string[],
    { pruning, threshold, output }: SegmentOptions,
  ): Promise<ChosenObjects> {
    const plan = planPruning(this.settings, pruning);
    const report = pruningReport(plan.mode, decoderShape(this.settings), plan.stages);
    const { queries: reasoned } = await this.reason(image, queries, { plan, threshold });
    if (output?.token_map !== true) return { choices: reasoned.map(({ choice }) => choice), pruning: report };
    const choices = reasoned.map(({ choice, regions }) => ({ ...choice, tokenMap: [...(regions?.tokenMap ?? [])] }));
    return { choices, pruning: report, tokenLayout: await this.#tokenLayout(image) };
  }

  /** Runs the detector, unless it saw the image before, and the reasoner. */
  async reason(
    image: RequestImage,
    queries: readonly string[],
    { plan, threshold = defaultThreshold, seed = image.id }: Reasoning,
  ): Promise<ReasonedQueries> {
    const { clock } = image;
    const proposals = await this.vision.detector.detect(image);
    clock.report('language', 0.2);
    const meanings = await clock.measure('language', () => this.language.matcher.match(queries));
    const answerable = meanings.filter(isAnswerable);
    if (answerable.length === 0) {
      return {
        queries: meanings.map((meaning) => ({ choice: refuseQuery(meaning), regions: undefined })),
        reasonerMs: 0,
      };
    }
    const { queries: scored, runMs } = await clock.measure('language', async () => {
      const texts = await this.language.encoder.encode(answerable.map(({ text }) => text));
      return await this.#reasoner.answer({ proposals, texts, mentions: answerable.map(mentionsOf), plan, seed });
    });
    const answers = meanings.map((meaning): ReasonedQuery => {
      const regions = scored[answerable.indexOf(meaning)];
      if (regions === undefined) return { choice: refuseQuery(meaning), regions: undefined };
      return {
        choice: chooseRegions(meaning, regions, proposals, this.#classNames, this.settings, threshold),
        regions,
      };
    });
    return { queries: answers, reasonerMs: runMs };
  }

  async #tokenLayout(image: RequestImage): Promise<TokenLayout> {
    const { width, height } = await image.size();
    const { boxes } = await this.vision.detector.detect(image);
    const { grid_side: side, regions } = this.settings.decoder;
    const toPixels = ([x0, y0, x1, y1]: Proposals['boxes'][number]): TokenLayout['regions'][number] => [
      roundTo(x0 * width, 1),
      roundTo(y0 * height, 1),
      roundTo((x1 - x0) * width, 1),
      roundTo((y1 - y0) * height, 1),
    ];
    return { grid: [side, side], regions: boxes.slice(0, regions).map(toPixels) };
  }
}

function isAnswerable({ isMeaningful, refusedWords }: QueryReading): boolean {
  return isMeaningful && refusedWords.length === 0;
}

/** A broader word with a description leaves its class open; similarity weighs the classes. */
function mentionsOf({ classes, referenceObjects, similarities }: QueryMeaning): ClassWeights[] {
  if (classes.length === 0) return [];
  if (similarities === undefined) return [classes, ...referenceObjects].map(evenWeights);
  const highest = Math.max(...classes.map((index) => similarities[index] ?? 0));
  const weightOf = (index: number): number => Math.exp(similaritySharpness * ((similarities[index] ?? 0) - highest));
  return [new Map(classes.map((index) => [index, weightOf(index)])), ...referenceObjects.map(evenWeights)];
}

function evenWeights(classes: readonly number[]): ClassWeights {
  return new Map(classes.map((index) => [index, 1]));
}
