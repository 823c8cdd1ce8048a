import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import { TesseraError, type Config } from '@tessera/contracts';
import { RedisConnection } from '@tessera/runtime/redis';
import type { FastifyRequest } from 'fastify';
import type { GatewayApp } from '../context.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False where requests are neither limited nor counted. */
    hasRateLimit?: boolean;
  }
}

const windowSeconds = 60;
/** Longest time that a request waits for its count. */
const countTimeoutMs = 500;
/** Keys and addresses that are counted in memory, some hundred bytes each. */
const countedClients = 100_000;

/**
 * Limits the requests per minute to the routes of `app`: those of an API key by its limit, all others by the address
 * that they come from. While Redis, which counts for all gateways, cannot be reached, nothing is limited.
 */
export async function limitRequestRate(app: GatewayApp, config: Config): Promise<void> {
  const { TESSERA_RATE_LIMIT_PER_MIN: limit, API_KEYS_FILE: keyFile, REDIS_URL: url } = config;
  if (limit === undefined && keyFile === undefined) return;
  const limitOf = ({ apiKey }: FastifyRequest) => apiKey?.rateLimit ?? limit;
  // The outage is logged below, once; queue and blob store log what becomes of their own connections.
  const redis =
    url === undefined
      ? undefined
      : await RedisConnection.open({ url, onError: () => undefined, operationTimeoutMs: countTimeoutMs });
  await app.register(rateLimit, {
    global: false,
    timeWindow: windowSeconds * 1000,
    max: (request) => limitOf(request) ?? Infinity,
    keyGenerator: clientOf,
    ...(redis === undefined ? { cache: countedClients } : { redis: redis.client, nameSpace: 'tessera:rate-limit:' }),
  });
  const count = app.createRateLimit();
  const enforcement = new Enforcement(app);

  app.addHook('onRequest', async (request, reply) => {
    if (limitOf(request) === undefined || request.routeOptions.config.hasRateLimit === false) return;
    const counted = await enforcement.attempt(() =>
      redis === undefined ? count(request) : redis.run(() => count(request)),
    );
    if (counted === undefined || counted.isAllowed) return;
    const { max, remaining, ttlInSeconds, isExceeded } = counted;
    const policy = request.apiKey === undefined ? '"address"' : '"key"';
    // draft-ietf-httpapi-ratelimit-headers-10
    reply.header('ratelimit-policy', `${policy};q=${max};w=${windowSeconds}`);
    reply.header('ratelimit', `${policy};r=${remaining};t=${ttlInSeconds}`);
    if (!isExceeded) return;
    const seconds = Math.max(1, ttlInSeconds);
    reply.header('retry-after', seconds);
    throw new TesseraError(
      'TSR_RATE_LIMITED',
      `There were more than ${max} requests in a minute; ${seconds} s are left of it.`,
    );
  });
  app.addHook('onClose', () => redis?.close());
}

/** Whose requests are counted together. An IPv6 client has a network of addresses. */
function clientOf({ apiKey, ip }: FastifyRequest): string {
  if (apiKey !== undefined) return `key:${apiKey.name}`;
  return `address:${normalizeIP(withoutPort(ip))}`;
}

/** Some proxies write the port into `x-forwarded-for`. */
function withoutPort(address: string): string {
  const [, ipv6, ipv4] = /^\[(.+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(address) ?? [];
  return ipv6 ?? ipv4 ?? address;
}

/** Counts as long as that works, and logs when it stops and when it works again. */
class Enforcement {
  readonly #app: GatewayApp;
  #isFailing = false;

  constructor(app: GatewayApp) {
    this.#app = app;
  }

  /** What `count` gives, or undefined when it fails. */
  async attempt<Result>(count: () => Promise<Result>): Promise<Result | undefined> {
    try {
      const result = await count();
      if (this.#isFailing) this.#app.log.info('Rate limits are enforced again');
      this.#isFailing = false;
      return result;
    } catch (error) {
      if (!this.#isFailing)
        this.#app.log.error({ err: error }, 'Rate limits are NOT enforced: Redis cannot be reached');
      this.#isFailing = true;
      return undefined;
    }
  }
}
