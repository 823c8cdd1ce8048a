import type { VocabularyMetrics } from '@tessera/contracts';
import { percent } from '@tessera/runtime';
import { printableLine } from './printable.js';

/** Rows in columns of equal width, the first row underlined. */
export function table(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(printableLine));
  const [header = []] = rows;
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const [head = '', ...body] = rows.map(line);
  return [head, widths.map((width) => '-'.repeat(width)).join('  '), ...body].join('\n');
}

/** The measures of the generalised evaluation, in percent. */
export function metricsTable(name: string, metrics: VocabularyMetrics): string {
  const { best_seen: seen, best_unseen: unseen, best_hm: harmonicMean, auc, bias } = metrics;
  return table([
    ['Vocabulary', 'S', 'U', 'HM', 'AUC', 'bias of HM'],
    [name, percent(seen), percent(unseen), percent(harmonicMean), percent(auc), bias.toFixed(2)],
  ]);
}
