import type { SegmentOptions } from '@tessera/contracts';
import { contextKinds, median, ReasonerEvaluation, timedRunner, type Runtime } from '@tessera/evaluation';
import { Segmenter, type PruningPlan } from '@tessera/segmentation';
import { measuredPlans } from './methods.js';

/** Median milliseconds under one plan. */
export interface LatencyRow {
  readonly method: string;
  readonly cut: number;
  /** The reasoner's run for one query. */
  readonly oneQueryMs: number;
  /** The same for eight queries that share an image. */
  readonly eightQueriesMs: number;
  /** A whole request about a photo that was never seen; `NaN` where none is measured. */
  readonly coldMs: number;
  /** About a photo whose detections and embedding are kept. */
  readonly cachedMs: number;
}

const warmUps = 2;
const prefillRounds = 21;
const coldRounds = 5;
const severalQueries = 8;

/** Methods take turns, so that what else the machine does falls on all of them. */
export async function studyLatency({ bundle, runner }: Runtime): Promise<LatencyRow[]> {
  const reasonerMs: number[] = [];
  const timed = { bundle, runner: timedRunner(runner, 'reasoner', reasonerMs) };
  const evaluation = await ReasonerEvaluation.create(timed, 'val', 'segmented');
  const { cases } = evaluation;
  const plans = measuredPlans(evaluation)
    .filter(({ group }) => group !== 'selection' && group !== 'scatter')
    .map((measured) => ({
      ...measured,
      one: [] as number[],
      eight: [] as number[],
      cold: [] as number[],
      cached: [] as number[],
    }));
  const [first] = cases.filter(({ queries }) => queries.length >= severalQueries);
  if (first === undefined) throw new Error(`No photo has ${severalQueries} queries.`);
  const texts = first.queries.slice(0, severalQueries).map(({ text }) => text);
  const prefillMs = async (queries: readonly string[], plan: PruningPlan): Promise<number> => {
    reasonerMs.length = 0;
    await evaluation.ask(first.photo, queries, plan);
    return reasonerMs.at(-1) ?? 0;
  };
  for (let round = 0; round < warmUps + prefillRounds; round++) {
    for (const { plan, one, eight } of plans) {
      one.push(await prefillMs(texts.slice(0, 1), plan));
      eight.push(await prefillMs(texts, plan));
    }
  }

  const requested = plans.filter(({ group }) => group !== 'baseline');
  const text = await answeredQuery(
    evaluation,
    first,
    requested.map(({ plan }) => plan),
  );
  const segmenter = new Segmenter(evaluation.reasoner);
  const time = async (id: string, cut: number): Promise<number> => {
    const pruning: SegmentOptions['pruning'] = cut === 0 ? { mode: 'off' } : { mode: 'csp', reduction: cut };
    const start = performance.now();
    await segmenter.segment(evaluation.imageOf(first.photo, id), { queries: [text], options: { pruning } });
    return performance.now() - start;
  };
  for (let round = 0; round < warmUps + coldRounds; round++) {
    for (const { method, cut, cold, cached } of requested) {
      const id = `round ${round}, ${method} at ${cut}`;
      cold.push(await time(id, cut));
      cached.push(await time(id, cut));
    }
  }
  return plans.map(({ method, cut, one, eight, cold, cached }) => ({
    method,
    cut,
    oneQueryMs: median(one.slice(warmUps)),
    eightQueriesMs: median(eight.slice(warmUps)),
    coldMs: median(cold.slice(warmUps)),
    cachedMs: median(cached.slice(warmUps)),
  }));
}

/** A query that needs the language model and gets a mask under every plan, so that nothing of a request is left out. */
async function answeredQuery(
  evaluation: ReasonerEvaluation,
  { photo, queries }: ReasonerEvaluation['cases'][number],
  plans: readonly PruningPlan[],
): Promise<string> {
  let texts = queries.filter(({ kind }) => contextKinds.includes(kind)).map(({ text }) => text);
  for (const plan of plans) {
    const reasoned = await evaluation.ask(photo, texts, plan);
    texts = texts.filter((_, index) => (reasoned[index]?.choice.objects.length ?? 0) > 0);
  }
  const [answered] = texts;
  if (answered === undefined) throw new Error(`No query about photo ${photo.id} gets a mask under every plan.`);
  return answered;
}
