import { segmentLimits, type RegionReasonerSettings } from '@tessera/contracts';
import { defaultImageLimits } from '@tessera/images';
import { BundleError, isBundleOf, type Bundle, type InferenceRunner } from '@tessera/inference';
import {
  decoderShape,
  planPruning,
  RegionReasoner,
  type PruningPlan,
  type ReasonedQuery,
  type SegmentImage,
} from '@tessera/segmentation';
import type { DecoderShape } from '@tessera/token-pruning';
import { loadCocoSplit, type CocoPhoto, type CocoSplit, type Split } from '../data/coco-split.js';
import { loadQuerySet, type Query } from '../data/query-set.js';
import type { Sample } from '../metrics/bootstrap.js';
import { AnswerJudge, segmentedMasks, shapeMasks } from './answer-masks.js';
import { withRuntime, type Runtime } from './model-runtime.js';
import { rememberingRunner } from './remembering-runner.js';

interface PhotoCase {
  readonly photo: CocoPhoto;
  readonly queries: readonly Query[];
  readonly judge: AnswerJudge;
}

const reasonerModel = 'tessera-mini';

/** Shares of the image-token FLOPs that schedules of token pruning are compared at. */
export const cuts = [0.5, 0.65, 0.7, 0.75, 0.8] as const;

/** Answers a split's queries under any pruning plan. */
export class ReasonerEvaluation {
  readonly reasoner: RegionReasoner;
  readonly settings: RegionReasonerSettings;
  readonly shape: DecoderShape;
  readonly coco: CocoSplit;
  readonly cases: readonly PhotoCase[];

  private constructor(
    reasoner: RegionReasoner,
    settings: RegionReasonerSettings,
    coco: CocoSplit,
    cases: readonly PhotoCase[],
  ) {
    this.reasoner = reasoner;
    this.settings = settings;
    this.shape = decoderShape(settings);
    this.coco = coco;
    this.cases = cases;
  }

  /**
   * @param masks - `segmented` by SAM, or the usual `shapes` of regions, which need no vision tower
   * @param changes - settings that differ from the bundle's
   */
  static async create(
    { bundle, runner }: Runtime,
    split: Split,
    masks: 'segmented' | 'shapes',
    changes: Partial<RegionReasonerSettings> = {},
  ): Promise<ReasonerEvaluation> {
    const { manifest } = reasonerBundle(bundle);
    const settings = { ...manifest.settings, ...changes };
    const changed = { ...reasonerBundle(bundle), manifest: { ...manifest, settings } };
    const reasoner = await RegionReasoner.create(changed, runner, defaultImageLimits);
    const coco = await loadCocoSplit(split);
    const make =
      masks === 'shapes' ? shapeMasks(settings) : segmentedMasks(reasoner, bundle, (photo) => coco.readPhoto(photo));
    const cases = (await loadQuerySet(split)).flatMap(({ photo: id, queries }) => {
      const photo = coco.photos.find((candidate) => candidate.id === id);
      return photo === undefined ? [] : [{ photo, queries, judge: new AnswerJudge(photo, make) }];
    });
    return new ReasonerEvaluation(reasoner, settings, coco, cases);
  }

  imageOf(photo: CocoPhoto, id = photo.fileName): SegmentImage {
    return { id, read: () => this.coco.readPhoto(photo) };
  }

  /** The plan for a request's pruning options; the bundle's own for none. */
  plan(pruning?: Parameters<typeof planPruning>[1]): PruningPlan {
    return planPruning(this.settings, pruning);
  }

  /**
   * The reasoner's answers to one request's queries.
   *
   * @param id - of the image, which decides a random selection of tokens
   */
  ask(photo: CocoPhoto, texts: readonly string[], plan: PruningPlan, id?: string): Promise<ReasonedQuery[]> {
    return this.reasoner.reason(this.reasoner.vision.images.open(this.imageOf(photo, id)), texts, { plan });
  }

  /** The reasoner's answers to queries about a photo, as many at once as a request may have. */
  async reason(
    photo: CocoPhoto,
    queries: readonly { readonly text: string }[],
    plan: PruningPlan,
    seed = '1',
  ): Promise<ReasonedQuery[]> {
    const answers: ReasonedQuery[] = [];
    while (answers.length < queries.length) {
      const asked = queries.slice(answers.length, answers.length + segmentLimits.queries);
      const texts = asked.map(({ text }) => text);
      answers.push(...(await this.ask(photo, texts, plan, `${seed}/${photo.fileName}`)));
    }
    return answers;
  }

  /** One sample per query and seed. A seed decides only what a plan leaves to chance. */
  async evaluate(plan: PruningPlan, seeds: readonly string[] = ['1']): Promise<Sample[]> {
    const samples: Sample[] = [];
    for (const { photo, queries, judge } of this.cases) {
      for (const seed of seeds) {
        const answers = await this.reason(photo, queries, plan, seed);
        const boxes = answers.map(({ choice }) => choice.objects.flatMap(({ prompt: { box } }) => (box === undefined ? [] : [box])));
        const overlaps = await judge.judge(queries, boxes);
        for (const [index, overlap] of overlaps.entries()) {
          const query = queries[index];
          if (query !== undefined) samples.push({ photo: photo.id, kind: query.kind, overlap });
        }
      }
    }
    return samples;
  }
}

/** @throws BundleError when the bundle is of another pipeline */
function reasonerBundle(bundle: Bundle): Parameters<typeof RegionReasoner.create>[0] {
  if (isBundleOf(bundle, 'region-reasoner')) return bundle;
  throw new BundleError(`${bundle.manifest.name} is no bundle of the pipeline region-reasoner.`);
}

/** Hands `tessera-mini` to `work`, with a runner that remembers what the detector, the text encoder and the reader gave. */
export function withReasoner<Result>(
  work: (runtime: Runtime, uncached: InferenceRunner) => Promise<Result>,
): Promise<Result> {
  return withRuntime(reasonerModel, ({ bundle, runner }) =>
    work({ bundle, runner: rememberingRunner(runner) }, runner),
  );
}
