import {
  checkPromptsAlone,
  checkPromptsInside,
  TesseraError,
  type SegmentJob,
  type SegmentOptions,
  type SegmentPrompt,
  type SegmentRequest,
} from '@tessera/contracts';
import type { GatewayContext } from '../context.js';
import { exactlyOne } from '../problems/exactly-one.js';
import { requireModel } from '../workers/require-model.js';
import { storedImageHeader, storeImage } from './store-image.js';

/**
 * The job of a segmentation; the image is stored meanwhile.
 *
 * @param uploads - the files of the request, by the ids that its image names
 * @param client - aborted when the client has disconnected
 * @throws TesseraError as `storeImage` and `requireModel` do, and `TSR_VALIDATION` for fields that do not fit together
 */
export async function createSegmentJob(
  { image, query, queries, prompts, ...options }: Omit<SegmentRequest, 'webhook'>,
  uploads: ReadonlyMap<string, Uint8Array>,
  context: GatewayContext,
  client: AbortSignal,
): Promise<SegmentJob> {
  const asked = askedQueries(query, queries, prompts);
  if (prompts !== undefined && options.refine === false) {
    throw TesseraError.invalid([
      { pointer: '/refine', message: 'must not be false when prompts are given: their masks are not coarse' },
    ]);
  }
  if (asked.length === 0) refuseQueryOptions(options);
  const { format, tolerance = 0 } = options.output ?? {};
  if (tolerance > 0 && format !== 'polygon') {
    throw TesseraError.invalid([{ pointer: '/output/tolerance', message: 'is for the format polygon' }]);
  }
  if (options.model !== undefined) await requireModel(options.model, 'segmentation', context.workers);
  const imageId = await storeImage(image, uploads, context, client);
  if (prompts !== undefined) checkPromptsInside(prompts, await storedImageHeader(imageId, context));
  return {
    kind: 'segment',
    imageId,
    queries: asked,
    ...(prompts === undefined ? {} : { prompts }),
    options,
  };
}

/** @throws TesseraError `TSR_VALIDATION` for options that make no difference to prompts alone */
function refuseQueryOptions({ pruning, output }: SegmentOptions): void {
  const given = {
    '/pruning': pruning !== undefined && pruning.mode !== 'off',
    '/output/token_map': output?.token_map === true,
  };
  const pointers = Object.entries(given).flatMap(([pointer, isGiven]) => (isGiven ? [pointer] : []));
  if (pointers.length === 0) return;
  throw TesseraError.invalid(
    pointers.map((pointer) => ({ pointer, message: 'is for queries: no language model reads prompts' })),
  );
}

/** @throws TesseraError `TSR_VALIDATION` unless there is one kind of question, or one query with prompts */
function askedQueries(
  query: string | undefined,
  queries: string[] | undefined,
  prompts: SegmentPrompt[] | undefined,
): string[] {
  if (query !== undefined && queries !== undefined) throw exactlyOne('query', 'queries');
  const asked = query === undefined ? queries : [query];
  if (prompts === undefined) {
    if (asked === undefined) throw exactlyOne('query', 'queries', 'prompts');
    return asked;
  }
  if (asked === undefined) checkPromptsAlone(prompts);
  else if (asked.length > 1)
    throw TesseraError.invalid([{ pointer: '/queries', message: 'must be one query when prompts correct its answer' }]);
  return asked ?? [];
}
