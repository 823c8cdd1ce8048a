import type { TesseraError } from '@tessera/contracts';
import { guardedAgent } from '@tessera/outbound';
import type { Agent, Dispatcher } from 'undici';

import { checkUrl, fetchFailed, isTrusted, toFetchError } from './fetch-policy.js';
import type { FetchPolicy } from './fetch-policy.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * An encoding could expand a small answer to a large one; images are compressed already. Servers that do not know the type of
 * their files, such as Label Studio, refuse requests that accept images alone.
 */
const REQUEST_HEADERS = { accept: 'image/*, */*;q=0.5', 'accept-encoding': 'identity', 'user-agent': 'tessera' };

/**
 * Fetches an image over http(s) without becoming a proxy into the private network: URL, every resolved address and
 * every redirect are checked by the policy, and a connection is made to a checked address only.
 *
 * @param signal - ends the fetch, for instance when the client has disconnected
 * @throws TesseraError `TSR_IMAGE_URL_FORBIDDEN` or `TSR_IMAGE_FETCH_FAILED`; the signal's reason when it fires
 */
export async function fetchImage(
  url: URL,
  policy: FetchPolicy,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  // Agents of its own for each fetch: no connection outlives the check of its address.
  const agents: Agents = {
    checked: guardedAgent(policy),
    trusted: guardedAgent({ ...policy, allowAddress: () => true }),
  };
  const giveUp = (reason: Error | null) =>
    Promise.all([agents.checked.destroy(reason), agents.trusted.destroy(reason)]);
  const onAbort = () => {
    void giveUp(new Error('aborted'));
  };
  const timer = setTimeout(() => {
    void giveUp(fetchFailed(`it took longer than ${policy.totalTimeoutMs} ms`));
  }, policy.totalTimeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await followRedirects(agents, url, policy, maxBytes);
  } catch (error) {
    signal?.throwIfAborted();
    throw toFetchError(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    await giveUp(null);
  }
}

/** For trusted URLs, whose address is not checked, and for all others. */
interface Agents {
  readonly checked: Agent;
  readonly trusted: Agent;
}

async function followRedirects(agents: Agents, start: URL, policy: FetchPolicy, maxBytes: number): Promise<Uint8Array> {
  let url = start;
  for (let redirects = 0; redirects <= policy.maxRedirects; redirects++) {
    checkUrl(url, policy);
    const isOfTrusted = isTrusted(url, policy);
    const authorization = isOfTrusted ? policy.trustedOrigin?.authorization : undefined;
    const response = await (isOfTrusted ? agents.trusted : agents.checked).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'GET',
      headers: { ...REQUEST_HEADERS, ...(authorization === undefined ? {} : { authorization }) },
    });
    if (!REDIRECTS.has(response.statusCode)) return await readBody(response, maxBytes);
    discardBody(response);
    url = redirectTarget(response, url);
  }
  throw fetchFailed(`it redirects more than ${policy.maxRedirects} times`);
}

function redirectTarget(response: Dispatcher.ResponseData, from: URL): URL {
  const { location } = response.headers;
  if (typeof location !== 'string' || !URL.canParse(location, from.href)) {
    throw fetchFailed(`it answers ${response.statusCode} without a valid location`);
  }
  return new URL(location, from);
}

async function readBody(response: Dispatcher.ResponseData, maxBytes: number): Promise<Uint8Array> {
  const { statusCode, headers, body } = response;
  try {
    if (statusCode !== 200) throw fetchFailed(`it answers with status ${statusCode}`);
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw fetchFailed('it answers with a content-encoding although none was accepted');
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw bodyTooLarge(maxBytes);
      chunks.push(chunk);
    }
    if (sizeBytes === 0) throw fetchFailed('it answers with an empty body');
    return Buffer.concat(chunks, sizeBytes);
  } catch (error) {
    discardBody(response);
    throw error;
  }
}

/** Drops the connection instead of reading on; the error that this causes in the stream is ignored. */
function discardBody({ body }: Dispatcher.ResponseData): void {
  body.on('error', () => {}).destroy();
}

function bodyTooLarge(maxBytes: number): TesseraError {
  return fetchFailed(`it is larger than the ${maxBytes} bytes allowed`);
}
