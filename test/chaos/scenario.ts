import type { ChaosSettings } from './settings.js';

export interface ScenarioReport {
  /** What went wrong, one sentence each; empty when all is well. */
  readonly failures: readonly string[];
  /** For the summary; any JSON. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/**
 * A part of the proof.
 *
 * @param report - prints a line of progress
 */
export type Scenario = (settings: ChaosSettings, report: (line: string) => void) => Promise<ScenarioReport>;
