import { TesseraError, type ModelDescription } from '@tessera/contracts';
import type { WorkerDirectory } from '../workers/worker-directory.js';

/**
 * The model of a name that live workers serve.
 *
 * @param version - the only one that will do, if given
 * @throws TesseraError `TSR_MODEL_NOT_FOUND`; `TSR_NOT_READY` while no worker reports itself
 */
export async function servedModel(
  name: string,
  version: string | undefined,
  workers: WorkerDirectory,
): Promise<ModelDescription> {
  const served = await workers.models();
  if (served.length === 0) throw new TesseraError('TSR_NOT_READY', 'No worker reports itself.');
  const model = served.find((candidate) => candidate.name === name);
  if (model === undefined) {
    const names = served.map((candidate) => candidate.name).join(', ');
    throw new TesseraError('TSR_MODEL_NOT_FOUND', `There is no model of this name. It has to be one of: ${names}.`);
  }
  if (version !== undefined && version !== model.version) {
    throw new TesseraError('TSR_MODEL_NOT_FOUND', `The served version of ${name} is ${model.version}.`);
  }
  return model;
}
