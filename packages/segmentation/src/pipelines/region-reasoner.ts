import {
  segmentLimits,
  type PipelineManifest,
  type RegionReasonerSettings,
  type SegmentOptions,
  type TokenLayout,
} from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import { requireGraphNames, type Bundle, type InferenceRunner } from '@tessera/inference';
import { RecentValues, roundTo } from '@tessera/runtime';
import { pruningReport } from '@tessera/token-pruning';
import { loadTokenizer } from '@tessera/tokenizer';
import type { ObjectChoice } from '../answers/choice.js';
import { combineChoices } from '../answers/combined-choice.js';
import { chooseRegions, refuseQuery, type RegionChoice } from '../answers/region-choice.js';
import { readQueries } from '../language/asked-query.js';
import { readClasses, readJson } from '../language/bundle-classes.js';
import { ClassSimilarity } from '../language/class-similarity.js';
import { spelledOrdinals } from '../language/ordinals.js';
import type { Reading } from '../language/reading.js';
import { SentenceReader } from '../language/sentence-reader.js';
import { TextEncoder } from '../language/text-encoder.js';
import { decoderShape, planPruning, type PruningPlan } from '../reasoning/pruning-plan.js';
import { Reasoner, type ClassWeights, type RegionScores } from '../reasoning/reasoner.js';
import type { Box } from '../vision/box.js';
import { colourProbability } from '../vision/colour-probability.js';
import { ImageColours } from '../vision/colours.js';
import { proposalReader, type Proposals } from '../vision/proposals.js';
import type { RequestImage } from '../vision/request-image.js';
import { boxVision, defaultThreshold, type BoxVision, type ChosenObjects, type Pipeline } from './pipeline.js';

type RegionReasonerBundle = Bundle<PipelineManifest<'region-reasoner'>>;

/** The reasoner's choice for a query, before any mask is decoded. */
export interface ReasonedQuery {
  /** A `RegionChoice` unless the query was refused or made of several. */
  readonly choice: ObjectChoice & Partial<Pick<RegionChoice, 'kind' | 'features'>>;
  /** Of the first part of a query that is made of several; nothing for one that was refused before the reasoner's run. */
  readonly regions: RegionScores | undefined;
}

/** Options of a run of the reasoner. */
export interface Reasoning {
  readonly plan: PruningPlan;
  /** Least probability at which a target counts as present; 0.5 unless given. */
  readonly threshold?: number | undefined;
}

/** How many images' colours are remembered; each takes 0.9 MB. */
const rememberedColours = 16;

/**
 * Pipeline `region-reasoner`: a language model reads the query, a smaller one compares it with the detector's proposals
 * and scores them.
 */
export class RegionReasoner implements Pipeline {
  readonly settings: RegionReasonerSettings;
  readonly cheapest: SegmentOptions = { refine: false };
  readonly classNames: readonly string[];
  readonly reader: SentenceReader;
  readonly vision: BoxVision<Proposals>;
  readonly #encoder: TextEncoder;
  readonly #reasoner: Reasoner;
  readonly #colours = new RecentValues<ImageColours>(rememberedColours);

  private constructor(
    settings: RegionReasonerSettings,
    classNames: readonly string[],
    vision: BoxVision<Proposals>,
    models: { readonly reader: SentenceReader; readonly encoder: TextEncoder; readonly reasoner: Reasoner },
  ) {
    this.settings = settings;
    this.classNames = classNames;
    this.vision = vision;
    this.reader = models.reader;
    this.#encoder = models.encoder;
    this.#reasoner = models.reasoner;
  }

  static async create(
    bundle: RegionReasonerBundle,
    runner: InferenceRunner,
    limits: ImageLimits,
  ): Promise<RegionReasoner> {
    requireGraphNames(bundle, ['detector', 'text_encoder', 'reader', 'reasoner', 'image_encoder', 'mask_decoder']);
    const { settings } = bundle.manifest;
    const classes = await readClasses(bundle, settings);
    const classNames = classes.map(({ name }) => name);
    const encoder = new TextEncoder(bundle, runner, loadTokenizer(await readJson(bundle, settings.tokenizer)));
    const similarity = await ClassSimilarity.create(classes, encoder);
    return new RegionReasoner(settings, classNames, boxVision(bundle, runner, limits, settings, proposalReader), {
      reader: await SentenceReader.create(bundle, runner, similarity, settings, classNames),
      encoder,
      reasoner: new Reasoner(bundle, runner, settings.decoder, classNames.length),
    });
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
    const reasoned = await this.reason(image, queries, { plan, threshold });
    // Nothing was pruned when every query was refused before the reasoner's run.
    const report = reasoned.some(({ regions }) => regions !== undefined)
      ? { pruning: pruningReport(plan.mode, decoderShape(this.settings), plan.stages) }
      : {};
    if (output?.token_map !== true) return { choices: reasoned.map(({ choice }) => choice), ...report };
    const choices = reasoned.map(({ choice, regions }) => ({ ...choice, tokenMap: [...(regions?.tokenMap ?? [])] }));
    return { choices, ...report, tokenLayout: await this.#tokenLayout(image) };
  }

  /** Runs the detector, unless it saw the image before, and the reasoner. One answer per query, in their order. */
  async reason(
    image: RequestImage,
    queries: readonly string[],
    { plan, threshold = defaultThreshold }: Reasoning,
  ): Promise<ReasonedQuery[]> {
    const { clock } = image;
    const proposals = await this.vision.detector.detect(image);
    clock.report('language', 0.2);
    const asked = await clock.measure('language', () =>
      readQueries(this.reader, queries, this.classNames, clock.signal),
    );
    const readings = new Set(asked.flatMap((query) => [...query.asked, ...query.leftOut]));
    const answerable = [...readings].filter(({ isAnswerable }) => isAnswerable);
    const scored = await clock.measure('language', () => this.#score(image, proposals, answerable, plan));
    const colours = answerable.some((reading) => reading.colours.length > 0) ? await this.#coloursOf(image) : undefined;
    const answer = (reading: Reading): ReasonedQuery => {
      const regions = scored[answerable.indexOf(reading)];
      if (regions === undefined) return { choice: refuseQuery(reading), regions: undefined };
      const colourOf = (box: Box): number => (colours === undefined ? 1 : colourFit(colours, box, reading.colours));
      const evidence = { reading, regions, proposals, colourOf, classNames: this.classNames };
      return { choice: chooseRegions(evidence, this.settings, threshold), regions };
    };
    // Several queries may have a part in common.
    const answers = new Map([...readings].map((reading) => [reading, { query: reading.query, ...answer(reading) }]));
    const answersTo = (parts: readonly Reading[]) => parts.flatMap((reading) => answers.get(reading) ?? []);
    return asked.map(({ asked: parts, leftOut }): ReasonedQuery => {
      const own = answersTo(parts);
      const [first, ...others] = own;
      if (first !== undefined && others.length === 0 && leftOut.length === 0) return first;
      return { choice: combineChoices(own, answersTo(leftOut), this.settings), regions: first?.regions };
    });
  }

  /** One row per reading; as many in a run as a request may have queries. */
  async #score(
    image: RequestImage,
    proposals: Proposals,
    readings: readonly Reading[],
    plan: PruningPlan,
  ): Promise<RegionScores[]> {
    const { signal } = image.clock;
    const scored: RegionScores[] = [];
    while (scored.length < readings.length) {
      const own = readings.slice(scored.length, scored.length + segmentLimits.queries);
      const sentences = own.map(({ query, respelled = query }) => spelledOrdinals(respelled.toLowerCase()));
      const texts = await this.#encoder.encode(sentences, signal);
      const question = { proposals, texts, mentions: own.map(mentionsOf), plan, seed: image.id };
      scored.push(...(await this.#reasoner.answer(question, signal)));
    }
    return scored;
  }

  async #coloursOf(image: RequestImage): Promise<ImageColours> {
    const known = this.#colours.get(image.id);
    if (known !== undefined) return known;
    const colours = new ImageColours(await image.scaled());
    this.#colours.set(image.id, colours);
    return colours;
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

/**
 * How well an object has the colours that a query gives it, 1 without any. Of several colours the geometric mean: a cat
 * is black and white though neither colour is most of it.
 */
function colourFit(colours: ImageColours, box: Box, wanted: Reading['colours']): number {
  return wanted.length === 0 ? 1 : colourProbability(colours.shares(box), wanted) ** (1 / wanted.length);
}

/** The class weights of what a query names: its target, of a description by how well each class fits, then the others. */
function mentionsOf({ classes, classWeights, references }: Reading): ClassWeights[] {
  const highest = Math.max(...classes.map((index) => classWeights[index] ?? 0));
  const target = new Map(classes.map((index) => [index, (classWeights[index] ?? 0) / highest]));
  return [target, ...references.map((own) => new Map(own.map((index) => [index, 1])))];
}
