import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@tessera/evaluation';
import { roundTo } from '@tessera/runtime';
import type { Figure, Format } from './formats.js';

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

export interface PlotAxis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** Distance of the ticks. */
  readonly step: number;
  readonly format: Format;
}

export type Plot =
  | {
      readonly kind: 'lines';
      readonly title: string;
      readonly x: PlotAxis;
      readonly y: PlotAxis;
      /** Points are `[x, y, low, high]`. */
      readonly series: readonly {
        readonly name: string;
        readonly hasBand: boolean;
        readonly points: readonly (readonly [number, number, number, number])[];
      }[];
    }
  | {
      readonly kind: 'bars';
      readonly title: string;
      readonly format: Format;
      readonly bars: readonly (readonly [name: string, value: number])[];
    }
  | {
      readonly kind: 'curves';
      readonly title: string;
      readonly series: readonly {
        readonly name: string;
        /** Area under the curve, and the best harmonic mean. */
        readonly auc: number;
        readonly bestHm: number;
        /** Place of the point that has it. */
        readonly best: number;
        /** `[accuracy on unseen pairs, accuracy on seen pairs]`, by rising bias. */
        readonly points: readonly (readonly [number, number])[];
      }[];
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
  const isList = Array.isArray(value);
  if (typeof value !== 'object' || value === null || (isList && value.some((element) => typeof element !== 'object')))
    return JSON.stringify(value);
  const inner = `\n${indent} `;
  const entries = Object.entries(value).map(
    ([key, element]) => (isList ? '' : `${JSON.stringify(key)}: `) + layOut(element, `${indent} `),
  );
  return `${isList ? '[' : '{'}${inner}${entries.join(`,${inner}`)}\n${indent}${isList ? ']' : '}'}`;
}
