/**
 * `npm run test:chaos [-- --jobs 3000 --seed 7 --only jobs,crowd]`: the cluster under faults, crowds and hostile clients, with
 * real processes and a real Redis. Prints progress, then a summary as JSON; ends with status 1 when anything went wrong.
 */
import type { ScenarioReport } from './scenario.js';
import { scenarios } from './scenarios.js';
import { readSettings } from './settings.js';

/** Failures that are printed of one scenario. */
const mostFailures = 20;

// What the scenarios have started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const settings = readSettings(process.argv.slice(2), process.env);
const names = Object.keys(scenarios);
const unknown = settings.only.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`There is no scenario ${unknown}; there are ${names.join(', ')}.`);
console.error(`seed ${settings.seed}: repeat with --seed ${settings.seed}`);

const reports: Record<string, ScenarioReport & { readonly failed: number }> = {};
for (const [name, scenario] of Object.entries(scenarios)) {
  if (settings.only.length > 0 && !settings.only.includes(name)) continue;
  const { failures, figures } = await scenario(settings, (line) => {
    console.error(`${name}: ${line}`);
  });
  reports[name] = { failed: failures.length, figures, failures: failures.slice(0, mostFailures) };
  console.error(`${name}: ${failures.length === 0 ? 'passed' : `${failures.length} failures`}`);
  for (const failure of failures.slice(0, mostFailures)) console.error(`  ${failure}`);
}
const passed = Object.values(reports).every(({ failed }) => failed === 0);
console.log(JSON.stringify({ passed, settings, reports }, null, 2));
process.exitCode = passed ? 0 : 1;
