/** What a check of `tessera doctor` found. `note`: nothing that stops Tessera, but worth knowing. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'note' | 'failed';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}
