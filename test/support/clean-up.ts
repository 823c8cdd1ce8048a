import type { TestContext } from 'node:test';

/**
 * Takes steps that run when the test has ended, the last one first: what was started in a directory ends before the
 * directory is removed. `after` of node:test runs them in the order in which they were added.
 */
export function cleanUpAfter(test: TestContext): (step: () => unknown) => void {
  const steps: (() => unknown)[] = [];
  test.after(async () => {
    for (const step of steps.reverse()) await step();
  });
  return (step) => {
    steps.push(step);
  };
}
