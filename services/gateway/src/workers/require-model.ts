import { TesseraError, type ModelDescription } from '@tessera/contracts';
import type { WorkerDirectory } from './worker-directory.js';

/**
 * Refuses a model that no worker serves for the task. While no worker reports itself, the models are unknown and the job
 * may wait for one.
 *
 * @throws TesseraError `TSR_MODEL_NOT_FOUND`
 */
export async function requireModel(
  name: string,
  task: ModelDescription['task'],
  workers: WorkerDirectory,
): Promise<void> {
  if (workers.hasServed(name, task)) return;
  const served = await workers.models();
  if (served.length === 0) return;
  const names = served.filter((model) => model.task === task).map((model) => model.name);
  if (names.includes(name)) return;
  const choice = names.length === 0 ? 'No worker has one.' : `It has to be one of: ${names.join(', ')}.`;
  throw new TesseraError('TSR_MODEL_NOT_FOUND', `There is no model of this name for ${task}. ${choice}`);
}
