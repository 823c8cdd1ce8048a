import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import { TesseraError, type Config } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/** Share of the heap that Node allows; a process that needs more of it is about to end. */
const heapShare = 0.9;
const leastSampleMs = 1_000;

/**
 * Refuses new work at the routes of `app` while the process cannot keep up with what it has: while its event loop is late
 * or its memory is used up. What only reads is answered.
 */
export async function refuseWhenOverloaded(
  app: GatewayApp,
  { TESSERA_MAX_EVENT_LOOP_DELAY_MS: delayMs, TESSERA_MAX_MEMORY_MB: memoryMb = 0 }: Config,
): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: delayMs,
    // Twice the limit: a single long turn of the event loop, for a huge image, is not all that is measured.
    sampleInterval: Math.max(leastSampleMs, 2 * delayMs),
    maxHeapUsedBytes: heapShare * getHeapStatistics().heap_size_limit,
    maxRssBytes: memoryMb * 1_000_000,
    pressureHandler: ({ method }, _reply, kind) => {
      if (method === 'GET' || method === 'HEAD') return;
      const detail = kind === underPressure.TYPE_EVENT_LOOP_DELAY ? busy : full;
      throw new TesseraError('TSR_OVERLOADED', detail);
    },
  });
}

const busy = 'The service is too busy to take in more work.';
const full = 'The memory of the service is used up.';
