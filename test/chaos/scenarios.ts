import { crowd } from './crowd.js';
import { fuzz } from './fuzz.js';
import { jobsUnderFaults } from './jobs-under-faults.js';
import { poison } from './poison.js';
import type { Scenario } from './scenario.js';
import { slowClients } from './slow-clients.js';

/** The parts of the proof by the names that `--only` takes. */
export const scenarios = {
  jobs: jobsUnderFaults,
  crowd,
  poison,
  slow: slowClients,
  fuzz,
} satisfies Record<string, Scenario>;
