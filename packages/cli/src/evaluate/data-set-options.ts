import { UsageError } from '../command-errors.js';
import type { OptionValues } from '../command.js';
import { textOption } from '../option-values.js';

/** The data set that `--dataset` names and `--root` has. */
export interface DataSetOptions<DataSet> {
  readonly dataset: string;
  readonly set: DataSet;
  readonly root: string;
}

/**
 * @param sets - by their names on the command line
 * @throws UsageError when there is no set of the name, or an option is missing
 */
export function dataSetOptions<DataSet>(
  options: OptionValues,
  sets: Readonly<Record<string, DataSet>>,
): DataSetOptions<DataSet> {
  const [dataset, root] = [textOption(options, 'dataset'), textOption(options, 'root')];
  const set = dataset !== undefined && Object.hasOwn(sets, dataset) ? sets[dataset] : undefined;
  if (dataset === undefined || set === undefined) {
    throw new UsageError(`--dataset is one of ${Object.keys(sets).join(', ')}.`);
  }
  if (root === undefined) throw new UsageError('--root, the directory of the data set, is missing.');
  return { dataset, set, root };
}
