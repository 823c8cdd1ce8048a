/** Commands in the README and the guides that no test runs as they stand, and why. */
export const commandsNotRun: readonly (readonly [commands: RegExp, reason: string])[] = [
  [/^(\w+=\S+ )*npm (start|run (dev|gateway|worker))$/, 'run until they are stopped: tests start what they start'],
  [/^tessera serve$/, 'runs until it is stopped: command-line.test.ts starts it on another port'],
  [/^npm (test|run (test:unit|lint))$/, 'are how the tests are run, and what is run beside them'],
  [/^npm ci\b/, 'installs: separate-installs.test.ts does it in a copy of the repository'],
  [/^npm run (eval|bench):/, 'measure for minutes'],
  [/--dataset (reasonseg|refcoco|coco) /, 'need public data sets, which are not here'],
  [/\b(mit-states|ut-zappos)\b/, 'need public data sets, which are not here'],
  [/^python3 -c "import json, torch;/, 'reads a file of such a data set'],
  [/^hf download /, 'download gigabytes'],
  [/^tessera bundle export /, 'need those gigabytes: clip.test.ts and lisa.test.ts export small checkpoints'],
  [
    /^python3 -m venv |^pip install |^cd training$/,
    'set up Python: PYTHON_ENVIRONMENT names an environment for the tests',
  ],
  [/^(\w+=\S+ )*docker /, 'need Docker'],
  [/^helm /, 'needs Kubernetes: deployment.test.ts renders and checks the chart'],
];
