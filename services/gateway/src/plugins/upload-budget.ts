import { Transform } from 'node:stream';
import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The share of the upload budget that this request's body holds. */
    bodyLease: BodyLease;
  }
}

/** Body bytes that one request keeps in memory. */
export interface BodyLease {
  /** @throws TesseraError `TSR_QUEUE_FULL` when all bodies together would exceed the budget */
  take(bytes: number): void;
  /** Returns bytes that were taken and are no longer referenced. */
  giveBack(bytes: number): void;
  /** Returns all of its bytes; called once the body is no longer referenced, and at the latest when the response ends. */
  release(): void;
}

/**
 * Bounds the memory of all request bodies that are being read or processed at the same time. Bytes count as they
 * arrive, so that a client which announces a large body and sends nothing takes no share of it.
 */
export function limitUploads(app: GatewayApp, budgetBytes: number): void {
  let usedBytes = 0;
  const createLease = (): BodyLease => {
    let heldBytes = 0;
    return {
      take(bytes) {
        if (usedBytes + bytes > budgetBytes) {
          // The refused body is dropped: what it held is free for the others before they send more.
          this.release();
          throw new TesseraError('TSR_QUEUE_FULL', 'Too many uploads are in progress at the same time.');
        }
        usedBytes += bytes;
        heldBytes += bytes;
      },
      giveBack(bytes) {
        const given = Math.min(bytes, heldBytes);
        usedBytes -= given;
        heldBytes -= given;
      },
      release() {
        usedBytes -= heldBytes;
        heldBytes = 0;
      },
    };
  };
  app.decorateRequest('bodyLease');
  app.addHook('onRequest', (request, reply, done) => {
    const lease = createLease();
    request.bodyLease = lease;
    reply.raw.once('close', () => {
      lease.release();
    });
    done();
  });
  app.addHook('preParsing', (request, _reply, payload, done) => {
    // Forms are read from the socket by their own parser, which counts for itself.
    if (request.headers['content-type']?.toLowerCase().startsWith('multipart/') === true) {
      done(null, payload);
      return;
    }
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        try {
          request.bodyLease.take(chunk.length);
          next(null, chunk);
        } catch (error) {
          next(error as Error);
        }
      },
    });
    payload.on('error', (error) => counted.destroy(error));
    done(null, payload.pipe(counted));
  });
}
