import type { WorkerReport } from '@tessera/contracts';
import { type BlobStore, workerKeyPrefix } from '@tessera/blob-store';
import type { Logger } from 'pino';

const heartbeatMs = 5_000;
/** A worker that missed three heartbeats counts as dead. */
const reportTtlMs = 3 * heartbeatMs;

export interface Heartbeat {
  /** Stops reporting and withdraws the report. */
  stop(): Promise<void>;
}

/** Writes the worker's report to the blob store now and every five seconds. A failed beat is logged; the next one tries again. */
export async function startHeartbeat(blobs: BlobStore, log: Logger, report: () => WorkerReport): Promise<Heartbeat> {
  const key = `${workerKeyPrefix}${report().id}`;
  const beat = async () => {
    try {
      await blobs.put(key, Buffer.from(JSON.stringify(report())), { ttlMs: reportTtlMs });
    } catch (error) {
      log.warn({ err: error }, 'heartbeat could not be written');
    }
  };
  let latest = beat();
  await latest;
  const timer = setInterval(() => {
    latest = beat();
  }, heartbeatMs);
  return {
    async stop() {
      clearInterval(timer);
      // Written later, it would outlive the withdrawal.
      await latest;
      await blobs.delete(key).catch(() => undefined);
    },
  };
}
