import type { Progress, TrainingOptions, VocabularyDescription } from '@tessera/contracts';
import type { Command, CommandContext } from '../command.js';
import { ServiceError } from '@tessera/client';
import { numberOption } from '../option-values.js';
import { metricsTable } from '../tables.js';
import { openTrainingDirectory } from '../training-directory.js';
import { UsageError } from '../command-errors.js';

const methods = ['csp', 'coop', 'clip'] as const;

export const vocabularyTrain: Command = {
  usage: 'vocabulary train <directory> --name <name>',
  summary: 'Train soft prompts on a directory with metadata.json and images/',
  examples: [['tessera vocabulary train garments/ --name garments', 'with the default recipe']],
  positionals: { min: 1, max: 1 },
  options: {
    name: { type: 'string' },
    method: { type: 'string', default: 'csp' },
    model: { type: 'string' },
    epochs: { type: 'string' },
    'learning-rate': { type: 'string' },
    seed: { type: 'string' },
    replace: { type: 'boolean', default: false },
    webhook: { type: 'string' },
  },
  optionHelp: {
    name: 'name of the vocabulary (required)',
    method: 'csp (default), coop, or clip, which learns nothing',
    model: 'a composition model from /models; otherwise the default',
    epochs: 'passes over the training images',
    'learning-rate': 'of the optimiser',
    seed: 'of the order of images and the dropout',
    replace: 'replace a vocabulary of this name; it serves until the new one is ready',
    webhook: 'URL that the service calls when the training has ended',
  },
  async run(context) {
    const { client, positionals, signal, print, say } = context;
    const options = trainingOptions(context);
    const directory = await openTrainingDirectory(positionals[0] ?? '');
    if (options.replace !== true) await requireFree(options.name, context);
    say(`${directory.examples.length} images, ${megabytes(directory.archiveBytes)} to send`);
    const archive = counted(directory.archive(), directory.archiveBytes, context);
    const job = await client.trainOnArchive(options, archive, { signal });
    say(`The training is job ${job.id}`);
    try {
      print(report(await followTraining(job.id, context)));
    } catch (error) {
      if (signal.aborted) {
        await client.cancelJob(job.id);
        say('The training was cancelled');
      }
      throw error;
    }
  },
};

function trainingOptions({ options }: CommandContext): TrainingOptions {
  const { name, model, replace, webhook } = options;
  if (typeof name !== 'string') throw new UsageError('--name, the name of the vocabulary, is missing.');
  const method = methods.find((known) => known === options.method);
  if (method === undefined) throw new UsageError(`--method is one of ${methods.join(', ')}.`);
  const [epochs, rate, seed] = ['epochs', 'learning-rate', 'seed'].map((option) => numberOption(options, option));
  return {
    name,
    method,
    replace: replace === true,
    ...(typeof model === 'string' ? { model } : {}),
    ...(typeof webhook === 'string' ? { webhook: { url: webhook } } : {}),
    recipe: {
      ...(epochs === undefined ? {} : { epochs }),
      ...(rate === undefined ? {} : { learning_rate: rate }),
      ...(seed === undefined ? {} : { seed }),
    },
  };
}

/** Fails before the upload when the name is taken; the service checks it again. */
async function requireFree(name: string, { client, signal }: CommandContext): Promise<void> {
  try {
    await client.vocabulary(name, { signal });
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'TSR_VOCABULARY_NOT_FOUND') return;
    throw error;
  }
  throw new UsageError(`There is a vocabulary "${name}" already; give --replace, or choose another name.`);
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  totalBytes: number,
  { progress }: CommandContext,
): AsyncGenerator<Uint8Array> {
  let sentBytes = 0;
  for await (const chunk of chunks) {
    yield chunk;
    sentBytes += chunk.byteLength;
    progress(`sending ${Math.min(100, Math.floor((100 * sentBytes) / totalBytes))} %`);
  }
}

async function followTraining(
  id: string,
  { client, signal, progress, say }: CommandContext,
): Promise<VocabularyDescription> {
  for await (const update of client.followJob(id, { signal })) {
    switch (update.event) {
      case 'status':
        if (update.data.status === 'queued') progress(`waiting, ${update.data.position ?? 0} jobs ahead`);
        break;
      case 'progress':
        if (update.data.epoch === undefined) progress(`reading images ${Math.floor(200 * update.data.fraction)} %`);
        else if (leavesLine(update.data)) say(epochLine(update.data));
        else progress(epochLine(update.data), update.data.fraction);
        break;
      case 'result':
        return update.data as VocabularyDescription;
      case 'error':
        throw new ServiceError(update.data);
    }
  }
  throw new Error('The events of the training ended without a result.');
}

const phases = { choice: 'choosing the number of epochs', final: 'learning from all examples' } as const;

/** Lines that a training of many epochs leaves behind. */
const mostLines = 50;

function leavesLine({ epoch = 0, epochs = 1 }: Progress): boolean {
  return epoch % Math.ceil(epochs / mostLines) === 0 || epoch === epochs;
}

function epochLine({ epoch, epochs, phase, loss, validation_auc: auc }: Progress): string {
  const measures = [
    ...(phase === undefined ? [] : [phases[phase]]),
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(4)}`]),
    ...(auc === undefined ? [] : [`validation AUC ${(100 * auc).toFixed(1)}`]),
  ];
  return `epoch ${epoch}/${epochs}  ${measures.join('  ')}`;
}

function report({ name, attributes, objects, seen_pairs: pairs, metrics }: VocabularyDescription): string {
  const size = `${name}: ${attributes.length} attributes, ${objects.length} objects, ${pairs.length} seen pairs`;
  if (metrics === undefined)
    return `${size}\nNo measures: the examples had no images of both seen and unseen pairs to judge by.`;
  return `${size}\n\n${metricsTable(name, metrics)}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
