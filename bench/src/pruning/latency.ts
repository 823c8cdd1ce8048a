import { performance } from 'node:perf_hooks';
import type { PruningPlan } from '@tessera/segmentation';
import { contextKinds, cuts, median, type ReasonerEvaluation } from '@tessera/evaluation';
import { pruningMethods } from './methods.js';

export interface PrefillRow {
  readonly method: string;
  readonly cut: number;
  /** Median of the reasoner's run for one query. */
  readonly oneQueryMs: number;
  /** The same for eight queries that share an image. */
  readonly eightQueriesMs: number;
}

export interface RequestRow {
  readonly method: string;
  readonly cut: number;
  /** Median of a whole request about a photo that was never seen. */
  readonly coldMs: number;
  /** About a photo whose detections and embedding are kept. */
  readonly cachedMs: number;
}

export interface StudyLatency {
  readonly prefill: readonly PrefillRow[];
  readonly requests: readonly RequestRow[];
}

const prefillRounds = 21;
const coldRounds = 5;
const severalQueries = 8;

/** Methods take turns, so that what else the machine does falls on all of them. */
export async function studyLatency(evaluation: ReasonerEvaluation): Promise<StudyLatency> {
  const { segmenter, settings, cases } = evaluation;
  const plans: { method: string; cut: number; plan: PruningPlan }[] = [
    { method: 'off', cut: 0, plan: segmenter.plan({ mode: 'off' }) },
    ...cuts.flatMap((cut) =>
      pruningMethods(segmenter, settings)
        .filter(({ group }) => group === 'method' || group === 'baseline')
        .map(({ name, planFor }) => ({ method: name, cut, plan: planFor(cut) })),
    ),
  ];
  const [first] = cases.filter(({ queries }) => queries.length >= severalQueries);
  if (first === undefined) throw new Error(`No photo has ${severalQueries} queries.`);
  const texts = first.queries.slice(0, severalQueries).map(({ text }) => text);
  const image = evaluation.imageOf(first.photo);

  const prefill = plans.map(({ method, cut }) => ({ method, cut, one: [] as number[], eight: [] as number[] }));
  for (let round = -2; round < prefillRounds; round++) {
    for (const [index, { plan }] of plans.entries()) {
      const one = await segmenter.reason(image, texts.slice(0, 1), plan);
      const eight = await segmenter.reason(image, texts, plan);
      if (round < 0) continue;
      prefill[index]?.one.push(one.reasonerMs);
      prefill[index]?.eight.push(eight.reasonerMs);
    }
  }

  const asked = plans.filter(({ method }) => method === 'off' || method === 'csp');
  const text = await answeredQuery(
    evaluation,
    first,
    asked.map(({ plan }) => plan),
  );
  const requests = asked.map(({ method, cut }) => ({ method, cut, cold: [] as number[], cached: [] as number[] }));
  const time = async (id: string, plan: PruningPlan): Promise<number> => {
    const start = performance.now();
    await segmenter.segmentWithPlan(evaluation.imageOf(first.photo, id), [text], {}, plan);
    return performance.now() - start;
  };
  for (let round = -1; round < coldRounds; round++) {
    for (const [index, { plan }] of asked.entries()) {
      const id = `round ${round}, plan ${index}`;
      const coldMs = await time(id, plan);
      const cachedMs = [await time(id, plan), await time(id, plan)];
      if (round < 0) continue;
      requests[index]?.cold.push(coldMs);
      requests[index]?.cached.push(...cachedMs);
    }
  }
  return {
    prefill: prefill.map(({ method, cut, one, eight }) => ({
      method,
      cut,
      oneQueryMs: median(one),
      eightQueriesMs: median(eight),
    })),
    requests: requests.map(({ method, cut, cold, cached }) => ({
      method,
      cut,
      coldMs: median(cold),
      cachedMs: median(cached),
    })),
  };
}

/** A query that needs the language model and gets a mask under every plan, so that nothing of a request is left out. */
async function answeredQuery(
  evaluation: ReasonerEvaluation,
  { photo, queries }: ReasonerEvaluation['cases'][number],
  plans: readonly PruningPlan[],
): Promise<string> {
  let texts = queries.filter(({ kind }) => contextKinds.includes(kind)).map(({ text }) => text);
  for (const plan of plans) {
    const { queries: reasoned } = await evaluation.segmenter.reason(evaluation.imageOf(photo), texts, plan);
    texts = texts.filter((_, index) => (reasoned[index]?.choice.objects.length ?? 0) > 0);
  }
  const [answered] = texts;
  if (answered === undefined) throw new Error(`No query about photo ${photo.id} gets a mask under every plan.`);
  return answered;
}
