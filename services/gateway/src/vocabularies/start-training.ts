import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError, type StoredExample, type TrainingOptions } from '@tessera/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../context.js';
import { TrainingSet } from '../intake/training-set.js';
import { noteContent, requireSameContent, reserveJob, type ReservedJob } from '../jobs/idempotency.js';
import { jobOptions } from '../jobs/job-headers.js';
import { nameJobInLog } from '../jobs/job-log.js';
import { jobOrigin } from '../jobs/job-origin.js';
import { requireModel } from '../workers/require-model.js';
import type { HeldName } from './vocabularies.js';

const lookAgainMs = 100;

/** The examples of a request. */
export interface ExampleSource {
  /** Stores them in the set. */
  readonly collect: (set: TrainingSet) => Promise<StoredExample[]>;
  /** SHA-256 of those that are not in the request's fields, once all of them are read; undefined when there are none. */
  readonly content: () => Promise<string | undefined>;
}

/** What a request for a training asks for. */
export interface TrainingRequest {
  readonly options: TrainingOptions;
  /** All fields of the request, which one with the same idempotency key must have. */
  readonly fields: object;
  readonly source: ExampleSource;
  /** Aborted when the client has disconnected. */
  readonly client: AbortSignal;
}

/**
 * Holds the name, stores the examples and queues the training, or removes all of it; gives the job's id. A request with an
 * idempotency key that was used before gets the job of the first one; while that one still sends its examples it waits.
 *
 * @throws TesseraError `TSR_VOCABULARY_CONFLICT` when the name is taken, or the first request with the key takes longer than
 * `TESSERA_WAIT_S`; `TSR_IDEMPOTENCY_KEY_REUSED` when the key came with other examples
 */
export async function startTraining(
  { options, fields, source, client }: TrainingRequest,
  request: FastifyRequest,
  reply: FastifyReply,
  context: GatewayContext,
): Promise<string> {
  const { trainings, workers, vocabularies, config } = context;
  const { name, model, method = 'csp', recipe = {}, replace = false, webhook } = options;
  const origin = jobOrigin(request, webhook, context);
  if (model !== undefined) await requireModel(model, 'composition', workers);
  // Gateways of versions before this one know the queue of a job by the beginning of its id.
  const reserved = await reserveJob(request, fields, context, 'training-');
  const { id } = reserved;
  nameJobInLog(request, reply, id);
  const held = await holdUnlessQueued(reserved, { name, replace }, client, context);
  if (held === null) {
    await requireSameContent(reserved, await source.content(), context);
    reply.header('idempotency-replayed', 'true');
    return id;
  }
  const set = new TrainingSet(id, context);
  try {
    await set.complete(await source.collect(set));
    await noteContent(reserved, await source.content(), context);
    const job = { kind: 'train-vocabulary', name, method, recipe, ...(model === undefined ? {} : { model }) } as const;
    await trainings.add(job, { id, origin, ...jobOptions(request) });
    request.log.info({ kind: job.kind }, 'job queued');
  } catch (error) {
    held.release();
    await set.discard();
    await vocabularies.forget(id, name);
    throw error;
  }
  // The job is accepted. If the claim is not passed on, the worker that starts the job claims the name again.
  await held.passToJob(config.TESSERA_TRAINING_TTL_S * 1000).catch(() => undefined);
  return id;
}

/** The name, held for the job; null when another request with the same key has queued the job. */
async function holdUnlessQueued(
  { id, isShared }: ReservedJob,
  { name, replace }: { readonly name: string; readonly replace: boolean },
  client: AbortSignal,
  { trainings, vocabularies, config }: GatewayContext,
): Promise<HeldName | null> {
  const isQueued = async () => isShared && (await trainings.get(id)) !== null;
  const giveUpAt = performance.now() + config.TESSERA_WAIT_S * 1000;
  for (;;) {
    if (await isQueued()) return null;
    try {
      return await vocabularies.hold(name, id, replace);
    } catch (error) {
      const isTaken = TesseraError.isInstance(error) && error.code === 'TSR_VOCABULARY_CONFLICT';
      if (!isShared || !isTaken || performance.now() > giveUpAt) throw error;
      // By the request that was first with the key, which has not sent all of its examples, or has since.
      if (!(await vocabularies.isHeldFor(name, id)) && !(await isQueued())) throw error;
      await delay(lookAgainMs, undefined, { signal: client });
    }
  }
}
