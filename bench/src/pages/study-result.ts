import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { drawSeenUnseenCurves, PlotAxis } from '@tessera/composition';
import { repositoryRoot, type Figure, type Format } from '@tessera/evaluation';
import { roundTo } from '@tessera/runtime';

/** The studies that have a page in `docs/reference`. */
export const studies = ['pruning-benchmark', 'compositional-benchmark'] as const;
export type StudyName = (typeof studies)[number];

/** What a study found: `bench/results/NAME.json`, from which its page is written. */
export interface StudyResult {
  readonly figures: Readonly<Record<string, Figure>>;
  readonly tables: Readonly<Record<string, readonly Table[]>>;
  /** By the names of the files that they are drawn to. */
  readonly plots: Readonly<Record<string, Plot>>;
}

export interface Table {
  /** Heading above it, where there are several. */
  readonly title?: string;
  readonly columns: readonly string[];
  /** Of each column. */
  readonly formats: readonly Format[];
  readonly rows: readonly (readonly Figure[])[];
}

export type FormattedAxis = Omit<PlotAxis, 'format'> & { readonly format: Format };

export type Plot =
  | {
      readonly kind: 'lines';
      readonly title: string;
      readonly x: FormattedAxis;
      readonly y: FormattedAxis;
      readonly series: readonly {
        readonly name: string;
        readonly hasBand: boolean;
        /** Left to right; `low` and `high` bound the band. */
        readonly points: readonly (readonly [x: number, y: number, low: number, high: number])[];
      }[];
    }
  | {
      readonly kind: 'curves';
      readonly title: string;
      readonly series: Parameters<typeof drawSeenUnseenCurves>[1];
    };

const directory = join(repositoryRoot, 'bench', 'results');

export async function readResult(study: StudyName): Promise<StudyResult> {
  return JSON.parse(await readFile(join(directory, `${study}.json`), 'utf8')) as StudyResult;
}

/** Writes the result, numbers with six decimal places. */
export async function writeResult(study: StudyName, result: StudyResult): Promise<void> {
  const round = (_: string, value: unknown): unknown => (typeof value === 'number' ? roundTo(value, 6) : value);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${study}.json`), `${layOut(JSON.parse(JSON.stringify(result, round)))}\n`);
}

/** JSON with each row of a table and each point of a plot on one line. */
function layOut(value: unknown, indent = ''): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const isList = Array.isArray(value);
  const elements: unknown[] = Object.values(value);
  const isRow = isList ? elements.some((element) => typeof element !== 'object') : elements.every(Number.isFinite);
  if (isRow) return JSON.stringify(value);
  const inner = `\n${indent} `;
  const entries = Object.entries(value).map(
    ([key, element]) => (isList ? '' : `${JSON.stringify(key)}: `) + layOut(element, `${indent} `),
  );
  return `${isList ? '[' : '{'}${inner}${entries.join(`,${inner}`)}\n${indent}${isList ? ']' : '}'}`;
}
