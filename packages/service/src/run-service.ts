import { ConfigError, parseConfig, redactConfig, type Config } from '@tessera/contracts';
import closeWithGrace from 'close-with-grace';
import { pino, type Logger } from 'pino';
import { openStores, type Stores } from './open-stores.js';

/** Time after the drain in which connections and child processes end before the process ends by force. */
const closingSeconds = 5;

export interface ServiceContext extends Omit<Stores, 'close'> {
  readonly config: Config;
  readonly log: Logger;
}

export interface Service {
  /** Takes no more work and finishes what runs, within `TESSERA_DRAIN_S`. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Name in the log. */
  readonly name: string;
  /** Whether the service makes sense only beside others, over Redis. */
  readonly needsRedis: boolean;
}

/**
 * Runs a service as this process: reads the configuration from the environment, opens the queues and the blob store, starts the
 * service, and drains and closes everything on SIGINT, SIGTERM or an uncaught error. A start that fails prints why and
 * ends the process with status 1.
 */
export async function runService(
  { name, needsRedis }: ServiceOptions,
  start: (context: ServiceContext) => Promise<Service>,
): Promise<void> {
  try {
    const config = parseConfig(process.env);
    if (needsRedis && config.REDIS_URL === undefined) {
      throw new ConfigError('REDIS_URL is not set; a service without Redis is `npm start`.');
    }
    const log = pino({ name, level: config.LOG_LEVEL });
    log.info(redactConfig(config), 'starting');
    const stores = await openStores(config, log);
    const { queue, trainings, blobs } = stores;
    const starting = start({ config, log, queue, trainings, blobs });
    closeWithGrace(
      { delay: (config.TESSERA_DRAIN_S + closingSeconds) * 1000, logger: log },
      async ({ err, signal }) => {
        if (err) log.fatal({ err }, 'stopping after an error');
        else log.info({ signal }, 'draining');
        await (await starting).close();
        await stores.close();
      },
    );
    await starting;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
