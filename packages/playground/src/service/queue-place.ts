import type { JobResponse, JobUpdate } from '@tessera/client';

/** Between two looks at a job that waits: the service sends its place when it begins to wait alone. */
const lookMs = 2_000;

/** Follows the place of a waiting job in the queue. */
export class QueuePlace {
  readonly #look: (id: string) => Promise<JobResponse>;
  readonly #onPlace: (ahead: number | undefined) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The job that waits. */
  #waiting: string | undefined;

  /** @param onPlace - takes how many jobs are ahead */
  constructor(look: (id: string) => Promise<JobResponse>, onPlace: (ahead: number | undefined) => void) {
    this.#look = look;
    this.#onPlace = onPlace;
  }

  /** Takes an update of the job. */
  take(update: JobUpdate): void {
    this.close();
    if (update.event === 'status' && update.data.status === 'queued') this.#show(update.data);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting = undefined;
  }

  #show({ id, position }: JobResponse): void {
    this.#onPlace(position);
    this.#waiting = id;
    this.#timer = setTimeout(() => void this.#lookAgain(id), lookMs);
  }

  async #lookAgain(id: string): Promise<void> {
    const job = await this.#look(id).catch(() => undefined);
    if (this.#waiting === id && job?.status === 'queued') this.#show(job);
  }
}
