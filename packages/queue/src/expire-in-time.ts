import { fromBullId } from './job-record.js';
import type { QueueBackend } from './queue-backend.js';

/** How often deadlines that have passed are looked for. */
const checkMs = 1_000;

/**
 * Has waiting jobs end soon after their deadline has passed, also when no worker runs and nobody asks for them, until the
 * returned function is called. Several processes may do so at once.
 *
 * @param look - ends the job of an id when it waits and is overdue
 */
export function expireInTime(
  backend: QueueBackend,
  look: (id: string) => Promise<unknown>,
  onError: (error: Error) => void,
): () => void {
  let isChecking = false;
  let isStopped = false;
  const check = async () => {
    const bullIds = await backend.run(() => backend.findOverdue());
    if (bullIds.length === 0) return;
    for (const bullId of bullIds) await look(fromBullId(bullId));
    await backend.run(() => backend.forgetDeadlines(bullIds));
  };
  const timer = setInterval(() => {
    if (isChecking) return;
    isChecking = true;
    check()
      .catch((error: unknown) => {
        if (!isStopped) onError(error as Error);
      })
      .finally(() => (isChecking = false));
  }, checkMs).unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}
