import { chromium, type Browser } from 'playwright-core';
import { browserProgram, findProgram } from './programs.js';

/** Reason for leaving out tests that need a browser, or false when they have to run. */
export const browserSkipReason: string | false = process.env.BROWSER_TESTS === 'skip' && 'BROWSER_TESTS=skip';

/** Starts the Chromium of the system, or the one that `npm test` has fetched. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findProgram(browserProgram);
  if (executablePath === undefined) throw new Error('There is no Chromium: npm test fetches one.');
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
