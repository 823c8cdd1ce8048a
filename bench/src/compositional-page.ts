import { cpus, totalmem } from 'node:os';
import type { GeneralisedEvaluation } from '@tessera/composition';
import type { VocabularyMetrics } from '@tessera/contracts';
import { markdownRows, mean } from '@tessera/evaluation';
import type { ApparelCase, CaseTable, MethodRow, MixedRow } from './compositional-cases.js';
import type { ScaleFigures } from './compositional-scale-figures.js';

export interface CompositionalResults {
  readonly seeds: readonly number[];
  readonly apparel: ApparelCase;
  readonly patterned: CaseTable;
  readonly mixed: readonly MixedRow[];
  readonly scale: ScaleFigures;
  readonly filteredScale: ScaleFigures;
}

export const curveFiles = {
  closed: 'compositional-closed.svg',
  open: 'compositional-open.svg',
  patterned: 'compositional-patterned.svg',
} as const;

const command = 'npm run bench:composition';
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
const milliseconds = (value: number): string =>
  value < 10_000 ? `${value.toFixed(value < 100 ? 1 : 0)} ms` : `${(value / 1000).toFixed(0)} s`;

/** `docs/reference/compositional-benchmark.md`. */
export function compositionalPage(results: CompositionalResults): string {
  const { apparel, seeds } = results;
  return [
    '# Compositional classification: the benchmark',
    '',
    `<!-- Written by \`${command}\`; do not edit. -->`,
    '',
    `Measured on ${new Date().toISOString().slice(0, 10)} with \`${command}\`: ${machine()}.`,
    '',
    'The model is `tessera-dual`. Three ways to give it a vocabulary are compared: `clip` learns nothing and uses the words as',
    'the base model knows them; `coop` learns three context vectors in the place of “a photo of”; `csp` learns one vector for',
    'each attribute and object.',
    '',
    '## What the figures mean',
    '',
    'Prompts learn from photos of _seen_ pairs. They are judged by other photos, some of seen pairs and some of _unseen_ ones,',
    'whose attribute and object were each seen, but never together. A model that has learned seen pairs is prone to them, so a',
    'bias is added to unseen candidates, from very low to very high, and accuracy is measured for each. All in percent:',
    '',
    '- **S**: accuracy on photos of seen pairs with the bias that is best for them.',
    '- **U**: accuracy on photos of unseen pairs with the bias that is best for them.',
    '- **HM**: the best harmonic mean of both with one bias. Only this is a figure that a service can have at one setting.',
    '- **AUC**: the area below the curve of accuracy on seen pairs over accuracy on unseen ones.',
    '',
    `Means over seeds ${seeds.join(', ')}, with the standard deviation after ±; \`clip\` has nothing that a seed could change.`,
    'In the _closed_ world candidates are the seen pairs and those of the judging photos, in the _open_ world every attribute',
    'with every object, without the pairs whose feasibility is below a threshold.',
    '',
    '## Product photos: colour and garment',
    '',
    `${apparel.trainPhotos} photos of 15 pairs to learn from; judged by ${apparel.seenPhotos} photos of the same pairs and`,
    `${apparel.unseenPhotos} of four pairs that were not seen. The judging photos also choose the best epoch and the threshold of`,
    'feasibility, as the validation set of the data does.',
    '',
    '### Closed world',
    '',
    evaluationTable(apparel.closed),
    '',
    `![Seen–unseen curves in the closed world](${curveFiles.closed})`,
    '',
    ...marginLines(apparel.closed),
    '',
    `With epochs chosen on photos held out from the training photos instead, so that the judging photos decide nothing, csp has`,
    `an AUC of ${figure(apparel.blind.evaluations, 'auc')}.`,
    '',
    '### Open world',
    '',
    evaluationTable(apparel.open),
    '',
    `![Seen–unseen curves in the open world](${curveFiles.open})`,
    '',
    '### Time',
    '',
    `Training csp on the ${apparel.trainPhotos} photos takes ${apparel.trainingSeconds.toFixed(0)} s, of which`,
    `${apparel.featureSeconds.toFixed(0)} s are for the embeddings of these and the judging photos. Classifying a new photo among 19`,
    `pairs whose prompts are cached takes ${milliseconds(apparel.overheadMs)} besides decoding and the image encoder.`,
    '',
    ...patternedSection(results.patterned),
    ...mixedSection(results.mixed),
    ...scaleSection(results),
  ].join('\n');
}

function patternedSection({ trainPhotos, valPhotos, seenCompositions, closed, open }: CaseTable): string[] {
  return [
    '## Two attributes: pattern, colour and garment',
    '',
    'The same photos, with stripes or dots painted on two of three garments: “striped red dress”. Of each pair of colour and',
    `garment two patterns are seen and the third is not. ${trainPhotos} photos of ${seenCompositions} compositions to learn from,`,
    `${valPhotos} photos to judge.`,
    '',
    '### Among the compositions of the photos',
    '',
    evaluationTable(closed),
    '',
    `![Seen–unseen curves with two attributes](${curveFiles.patterned})`,
    '',
    '### Among every pattern, colour and garment',
    '',
    evaluationTable(open),
    '',
  ];
}

function mixedSection(mixed: readonly MixedRow[]): string[] {
  const rows = mixed.flatMap(({ share, learned, attributes, rows: methods }) =>
    methods.map(({ name, evaluations }) => [
      `${100 * share} % (${learned} of ${attributes}), ${name}`,
      ...metricCells(evaluations),
    ]),
  );
  return [
    '## Mixed vocabularies',
    '',
    'Only some colours, drawn anew with each seed, have photos to learn from; the others, and garments that no such photo shows,',
    'keep the words’ own embeddings. All photos judge, in the closed world. `clip` is measured on the same split, since what',
    'counts as seen differs from row to row.',
    '',
    markdownRows(['learned colours', 'S', 'U', 'HM', 'AUC'], rows),
    '',
  ];
}

function scaleSection({ scale, filteredScale }: CompositionalResults): string[] {
  const rows = [scale, filteredScale].map(({ candidates, coldMs, warmMs, memory }, index) => [
    index === 0 ? 'all' : `feasibility at least ${filteredScale.usefulThreshold.toFixed(2)}`,
    String(candidates),
    milliseconds(coldMs),
    milliseconds(warmMs),
    memory === undefined ? '–' : gigabytes(memory.parent),
    memory === undefined ? '–' : gigabytes(memory.child),
    memory === undefined ? '–' : gigabytes(memory.parent + memory.child),
  ]);
  return [
    '## Speed in a large open world',
    '',
    `C-GQA’s ${scale.attributes} attributes with its ${scale.objects} objects. Cold is the first request, which encodes a prompt for`,
    'every candidate; warm is a request about another photo, the median of seven. Neither has decoding and the image encoder in',
    'it. Peak memory is the resident memory of the process that classifies and of the one that runs the model.',
    '',
    markdownRows(['candidates', 'number', 'cold', 'warm', 'peak memory', 'inference process', 'both'], rows),
    '',
  ];
}

function evaluationTable(rows: readonly MethodRow[]): string {
  return markdownRows(
    ['method', 'S', 'U', 'HM', 'AUC'],
    rows.toReversed().map(({ name, evaluations }) => [name, ...metricCells(evaluations)]),
  );
}

function marginLines(rows: readonly MethodRow[]): string[] {
  const aucOf = (name: string): number =>
    100 * mean((rows.find((row) => row.name === name)?.evaluations ?? []).map(({ metrics }) => metrics.auc));
  const margin = (name: string): string => (aucOf('csp') - aucOf(name)).toFixed(1).replace('-', '−');
  return [
    `AUC of csp minus that of clip: ${margin('clip')}; minus that of coop: ${margin('coop')}. The paper (Nayak, Yu, Bach, ICLR 2023)`,
    'claims 10.9 and 5.8 on the average of its data sets.',
  ];
}

function metricCells(evaluations: readonly GeneralisedEvaluation[]): string[] {
  return (['best_seen', 'best_unseen', 'best_hm', 'auc'] as const).map((metric) => figure(evaluations, metric));
}

function figure(evaluations: readonly GeneralisedEvaluation[], metric: keyof VocabularyMetrics): string {
  const values = evaluations.map(({ metrics }) => 100 * metrics[metric]);
  if (values.length === 1) return mean(values).toFixed(1);
  const average = mean(values);
  const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
  return `${average.toFixed(1)} ± ${Math.sqrt(variance).toFixed(1)}`;
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} cores of ${first?.model.trim() ?? 'an unknown processor'}, ${(totalmem() / 1e9).toFixed(0)} GB of memory, Node ${process.version}, the model on the CPU`;
}
