import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot, type Figure } from '@tessera/evaluation';
import type { GpuResult, PartResult } from '../gpu/gpu-result.js';
import type { StudyResult, Table } from './study-result.js';
import { renderTemplate } from './write-page.js';

const resultFile = join(repositoryRoot, 'bench/results/gpu-benchmark.json');

/**
 * `docs/reference/gpu-benchmark.md`: the figures of `bench/gpu/run.sh`, or that they wait for it.
 *
 * @throws Error when the result is of another form, or of the processor
 */
export async function gpuPage(file = resultFile): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return await renderTemplate('gpu-benchmark-waiting', { figures: {}, tables: {}, plots: {} });
  const result = JSON.parse(text) as GpuResult;
  if (result.provider !== 'cuda' || result.form !== 'full') {
    throw new Error(
      `${file} is of the ${result.form} form on ${result.provider}; the page is about the full form on CUDA.`,
    );
  }
  return await renderTemplate('gpu-benchmark', gpuStudy(result));
}

/** The figures and tables of the page. */
export function gpuStudy({ created_at: created, machine, settings, provider, seconds, parts }: GpuResult): StudyResult {
  const part = (name: string): PartResult[] => parts.filter((found) => found.name === name);
  const gpus = machine.gpus.map(({ name, memory, driver }) => `${name} (${memory}), driver ${driver}`);
  const runtimes = parts.flatMap(({ rows }) =>
    rows.flatMap((row) => (typeof row.onnxruntime === 'string' ? row.onnxruntime : [])),
  );
  return {
    figures: {
      date: created.slice(0, 10),
      commit: machine.commit.slice(0, 12),
      languageModel: settings.language_model,
      imageTokens: settings.image_tokens,
      precision: settings.precision,
    },
    tables: {
      machine: [
        {
          columns: ['what', 'found'],
          formats: ['text', 'text'],
          rows: [
            ['device', gpus.join('; ') || 'none'],
            ['execution provider', provider],
            [
              'processor',
              `${machine.processor}, ${machine.cores} cores, ${(machine.memory_bytes / 1e9).toFixed(0)} GB`,
            ],
            ['ONNX Runtime', `${machine.onnxruntime_node} (Node ${machine.node}), ${runtimes[0] ?? '–'} (Python)`],
            ['all parts', `${seconds.toFixed(0)} s`],
          ],
        },
      ],
      prefill: [prefillTable(part('prefill'))],
      encoder: [
        tableOf(part('encoder'), ['model', 'input', 'precision', 'median', 'fastest'], (row) => [
          settings.image_encoder,
          figure(row.case),
          settings.precision,
          ...times(row),
        ]),
      ],
      service: [
        tableOf(
          parts.filter(({ name }) => name.startsWith('service')),
          ['batches', 'clients', 'answers per second', 'p50', 'p99', 'answers'],
          (row) => [
            `${String(figure(row.case))}, at most ${String(figure(row.max_batch))}`,
            figure(row.clients),
            decimals(row.per_second),
            milliseconds(row.p50_ms),
            milliseconds(row.p99_ms),
            figure(row.answers),
          ],
        ),
      ],
    },
    plots: {},
  };
}

type Row = PartResult['rows'][number];

function prefillTable(parts: readonly PartResult[]): Table {
  const off = new Map(
    parts.flatMap(({ rows }) => rows.flatMap((row) => (row.case === 'off' ? [[row.questions, row.ms]] : []))),
  );
  return tableOf(parts, ['questions', 'cut', 'median', 'fastest', 'of off'], (row) => {
    const whole = off.get(row.questions);
    const share = typeof row.ms === 'number' && typeof whole === 'number' ? `${(row.ms / whole).toFixed(2)} ×` : '–';
    return [figure(row.questions), figure(row.case), ...times(row), share];
  });
}

/** A row for each case, and one for each part that did not come to its end. */
function tableOf(parts: readonly PartResult[], columns: readonly string[], cellsOf: (row: Row) => Figure[]): Table {
  const rows = parts.flatMap(({ name, rows: found, error }) => [
    ...found.filter((row) => 'case' in row).map(cellsOf),
    ...(error === undefined ? [] : [[`${name} failed: ${error.replaceAll('\n', ' ').replaceAll('|', '/')}`]]),
  ]);
  return { columns, formats: columns.map(() => 'text'), rows };
}

/** Median and fastest run, or why there is none. */
function times(row: Row): Figure[] {
  return typeof row.error === 'string' ? [row.error, null] : [milliseconds(row.ms), milliseconds(row.least_ms)];
}

function figure(value: unknown): Figure {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

function decimals(value: unknown): Figure {
  return typeof value === 'number' ? value.toFixed(1) : null;
}

function milliseconds(value: unknown): Figure {
  return typeof value === 'number' ? `${value.toFixed(value < 100 ? 1 : 0)} ms` : null;
}
