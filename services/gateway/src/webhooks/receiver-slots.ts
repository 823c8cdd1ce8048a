/** Of what is known of a receiver while messages to it are sent or wait for their turn. */
interface Receiver {
  inFlight: number;
  waiting: number;
  /** How long it took over the last message that has ended (milliseconds). */
  lastMs: number;
}

const shortestPauseMs = 50;
const longestPauseMs = 30_000;

/**
 * Limits how many messages are sent to one receiver at the same time, so that a slow one leaves room for the others. A
 * receiver is a host with its port.
 */
export class ReceiverSlots {
  readonly #most: number;
  readonly #receivers = new Map<string, Receiver>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Does the work when the receiver has a slot free.
   *
   * @throws what `busy` makes, from how long to wait for a slot (milliseconds), when it has none
   */
  async use<Value>(url: string, work: () => Promise<Value>, busy: (waitMs: number) => Error): Promise<Value> {
    const host = URL.canParse(url) ? new URL(url).host : url;
    const receiver = this.#receivers.get(host) ?? { inFlight: 0, waiting: 0, lastMs: 0 };
    this.#receivers.set(host, receiver);
    if (receiver.inFlight >= this.#most) throw busy(this.#postpone(host, receiver));
    receiver.inFlight += 1;
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      receiver.lastMs = performance.now() - startedAt;
      receiver.inFlight -= 1;
      this.#forgetIdle(host, receiver);
    }
  }

  /** Those that wait come back at the pace at which the receiver takes them. */
  #postpone(host: string, receiver: Receiver): number {
    const pauseMs = receiver.lastMs * (1 + receiver.waiting / this.#most);
    const waitMs = Math.round(Math.min(longestPauseMs, Math.max(shortestPauseMs, pauseMs)));
    receiver.waiting += 1;
    setTimeout(() => {
      receiver.waiting -= 1;
      this.#forgetIdle(host, receiver);
    }, waitMs).unref();
    return waitMs;
  }

  #forgetIdle(host: string, { inFlight, waiting }: Receiver): void {
    if (inFlight === 0 && waiting === 0) this.#receivers.delete(host);
  }
}
